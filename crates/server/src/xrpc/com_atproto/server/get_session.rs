//! `com.atproto.server.getSession`

use cairn_oauth::scope::{AccountAction, AccountAttr};

use crate::accounts::session::SessionAnswer;
use crate::auth::SessionOrApplicant;
use crate::xrpc::{Cx, Json, Result};

pub async fn get_session(cx: Cx<SessionOrApplicant>) -> Result<Json<SessionAnswer>> {
    let session = match &cx.caller {
        SessionOrApplicant::Session(session) => session,
        SessionOrApplicant::Applicant(applicant) => {
            return Ok(Json(SessionAnswer::waiting(applicant, None)));
        }
    };
    let answer = SessionAnswer::new(&cx.app, &session.account, None).await;
    let may_see_email = session.check_account(AccountAttr::Email, AccountAction::Read).is_ok();
    Ok(Json(if may_see_email { answer } else { answer.without_email() }))
}
