//! `com.atproto.temp.checkSignupQueue`

use serde::Serialize;

use crate::auth::SessionOrApplicant;
use crate::xrpc::{Cx, Json, Result};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignupQueue {
    activated: bool,
    /// 1 for who is next.
    #[serde(skip_serializing_if = "Option::is_none")]
    place_in_queue: Option<u64>,
}

/// Whether the account is there. How long it takes is for the operator to know.
pub async fn check_signup_queue(cx: Cx<SessionOrApplicant>) -> Result<Json<SignupQueue>> {
    Ok(Json(match &cx.caller {
        SessionOrApplicant::Session(_) => SignupQueue { activated: true, place_in_queue: None },
        SessionOrApplicant::Applicant(applicant) => {
            let place = cx.app.store.place_in_queue(applicant.id).await?;
            SignupQueue { activated: false, place_in_queue: Some(place) }
        }
    }))
}
