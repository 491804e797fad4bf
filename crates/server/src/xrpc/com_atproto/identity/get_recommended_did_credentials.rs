//! `com.atproto.identity.getRecommendedDidCredentials`

use std::collections::BTreeMap;

use cairn_identity::plc::PlcService;
use serde::Serialize;

use crate::App;
use crate::accounts::identity::account_key;
use crate::auth::Session;
use crate::xrpc::{Cx, Json, Result};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    rotation_keys: Vec<String>,
    also_known_as: Vec<String>,
    verification_methods: BTreeMap<&'static str, String>,
    services: BTreeMap<&'static str, PlcService>,
}

/// What a DID document should say for the account to live here.
pub async fn get_recommended_did_credentials(cx: Cx<Session>) -> Result<Json<Credentials>> {
    let account = &cx.caller.account;
    let key = account_key(&cx.app, &account.did).await?;
    Ok(Json(Credentials {
        rotation_keys: rotation_keys(&cx.app),
        also_known_as: account.handle.iter().map(|handle| format!("at://{handle}")).collect(),
        verification_methods: BTreeMap::from([("atproto", key.to_string())]),
        services: BTreeMap::from([("atproto_pds", pds_service(&cx.app))]),
    }))
}

/// The operator's recovery key, if any, then the key that the server signs with.
fn rotation_keys(app: &App) -> Vec<String> {
    let own = app.rotation_key.did_key().to_string();
    app.config.recovery_did_key.iter().cloned().chain([own]).collect()
}

pub(super) fn pds_service(app: &App) -> PlcService {
    PlcService {
        kind: "AtprotoPersonalDataServer".to_owned(),
        endpoint: app.config.public_url.clone(),
    }
}
