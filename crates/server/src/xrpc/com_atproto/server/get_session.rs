//! `com.atproto.server.getSession`

use crate::accounts::session::SessionAnswer;
use crate::auth::SessionOrApplicant;
use crate::xrpc::{Cx, Json, Result};

pub async fn get_session(cx: Cx<SessionOrApplicant>) -> Result<Json<SessionAnswer>> {
    Ok(Json(match &cx.caller {
        SessionOrApplicant::Session(session) => {
            SessionAnswer::new(&cx.app, &session.account, None).await
        }
        SessionOrApplicant::Applicant(applicant) => SessionAnswer::waiting(applicant, None),
    }))
}
