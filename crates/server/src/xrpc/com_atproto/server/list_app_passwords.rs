//! `com.atproto.server.listAppPasswords`

use cairn_identity::plc::timestamp;
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
}

pub async fn list_app_passwords(cx: Cx<Session>) -> Result<Json<AppPasswords>> {
    let all = cx.app.store.app_passwords(cx.caller.account.id).await?.into_iter();
    let view = all.map(|password| AppPasswordView {
        name: password.name,
        created_at: timestamp::format(password.created_at),
        privileged: password.privileged,
    });
    Ok(Json(AppPasswords { passwords: view.collect() }))
}
