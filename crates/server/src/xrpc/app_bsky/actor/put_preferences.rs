//! `app.bsky.actor.putPreferences`

use cairn_model::{Value, json};
use cairn_store::{Preference, PutPreferencesError};
use serde::Deserialize;

use super::{DECLARED_AGE, NAMESPACE, PERSONAL_DETAILS, scope};
use crate::auth::Session;
use crate::error::XrpcError;
use crate::records::RecordJson;
use crate::xrpc::{Cx, Input, Result};

/// Clients keep some dozen.
const MAX_PREFERENCES: usize = 1_000;

#[derive(Deserialize)]
pub struct PutPreferences {
    preferences: Vec<RecordJson>,
}

/// Replaces all preferences that the caller may see.
pub async fn put_preferences(cx: Cx<Session>, Input(input): Input<PutPreferences>) -> Result<()> {
    if input.preferences.len() > MAX_PREFERENCES {
        return Err(XrpcError::invalid_request(format!(
            "too many preferences (at most {MAX_PREFERENCES})"
        )));
    }
    let mut preferences = Vec::with_capacity(input.preferences.len());
    for RecordJson(preference) in input.preferences {
        let name = name(&preference)?;
        if name == PERSONAL_DETAILS && !cx.caller.is_full() {
            return Err(XrpcError::invalid_request(
                "Do not have authorization to set preferences.",
            ));
        }
        // Computed for whoever reads; clients send back what they got.
        if name != DECLARED_AGE {
            let json = String::from_utf8(json::to_vec(&preference)).map_err(XrpcError::internal)?;
            preferences.push(Preference { name, json });
        }
    }
    let put =
        cx.app.store.put_preferences(cx.caller.account.id, scope(&cx.caller), preferences).await;
    put.map_err(|err| match err {
        PutPreferencesError::OutOfScope { .. } => XrpcError::invalid_request(format!(
            "Some preferences are not in the {NAMESPACE} namespace"
        )),
        PutPreferencesError::Store(err) => err.into(),
    })
}

fn name(preference: &Value) -> Result<String> {
    let name = preference.get("$type").and_then(Value::as_str);
    name.map(str::to_owned)
        .ok_or_else(|| XrpcError::invalid_request("Preference is missing a $type"))
}
