//! `com.atproto.server.listAppPasswords`

use cairn_identity::plc::timestamp;
use cairn_store::AppPasswordRights;
use serde::Serialize;

use crate::auth::Session;
use crate::xrpc::{Cx, Json, Result};

#[derive(Serialize)]
pub struct AppPasswords {
    passwords: Vec<AppPasswordView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AppPasswordView {
    name: String,
    created_at: String,
    privileged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
}

/// The scopes that an app password is held to, if it is.
pub(super) fn scopes_of(rights: AppPasswordRights) -> Option<Vec<String>> {
    match rights {
        AppPasswordRights::Scoped(scopes) => Some(scopes.split(' ').map(str::to_owned).collect()),
        AppPasswordRights::Standard | AppPasswordRights::Privileged => None,
    }
}

pub async fn list_app_passwords(cx: Cx<Session>) -> Result<Json<AppPasswords>> {
    let all = cx.app.store.app_passwords(cx.caller.account.id).await?.into_iter();
    let view = all.map(|password| AppPasswordView {
        name: password.name,
        created_at: timestamp::format(password.created_at),
        privileged: password.rights == AppPasswordRights::Privileged,
        scopes: scopes_of(password.rights),
    });
    Ok(Json(AppPasswords { passwords: view.collect() }))
}
