//! The private preferences of an account that apps keep here: who sees which, and how they are replaced.

use cairn_model::{Value, json};
use cairn_store::{AccountId, Preference, PreferenceScope, PutPreferencesError, Store, StoreError};
use serde::Deserialize;

use crate::error::XrpcError;
use crate::records::RecordJson;

pub const NAMESPACE: &str = "app.bsky";
/// Holds the birth date: for the account's owner only.
pub const PERSONAL_DETAILS: &str = "app.bsky.actor.defs#personalDetailsPref";
/// Computed from the birth date and never stored.
pub const DECLARED_AGE: &str = "app.bsky.actor.defs#declaredAgePref";

/// Clients keep some dozen.
const MAX_PREFERENCES: usize = 1_000;

/// What the owner sees, or an app that may not see everything.
pub fn scope(is_owner: bool) -> PreferenceScope {
    let except = if is_owner { Vec::new() } else { vec![PERSONAL_DETAILS.to_owned()] };
    PreferenceScope { namespace: NAMESPACE.to_owned(), except }
}

/// All of them, in the form that `putPreferences` takes.
pub async fn to_json(store: &Store, account: AccountId) -> Result<Vec<u8>, StoreError> {
    let all = store.preferences(account, scope(true)).await?;
    let texts: Vec<&str> = all.iter().map(|preference| preference.json.as_str()).collect();
    Ok(format!(r#"{{"preferences":[{}]}}"#, texts.join(",")).into_bytes())
}

/// What `getPreferences` gives, `putPreferences` takes, and an archive keeps.
#[derive(Deserialize)]
pub struct Preferences {
    preferences: Vec<RecordJson>,
}

impl Preferences {
    /// Puts them in the place of those that the owner, or such an app, sees.
    ///
    /// # Errors
    /// As [`put`].
    pub async fn put(
        self,
        store: &Store,
        account: AccountId,
        is_owner: bool,
    ) -> Result<(), XrpcError> {
        let offered = self.preferences.into_iter().map(|RecordJson(preference)| preference);
        put(store, account, offered.collect(), is_owner).await
    }
}

/// Replaces all preferences that the owner, or such an app, sees.
///
/// # Errors
/// 400 for what is no preference or not for the caller to set.
pub async fn put(
    store: &Store,
    account: AccountId,
    offered: Vec<Value>,
    is_owner: bool,
) -> Result<(), XrpcError> {
    if offered.len() > MAX_PREFERENCES {
        return Err(XrpcError::invalid_request(format!(
            "too many preferences (at most {MAX_PREFERENCES})"
        )));
    }
    let mut preferences = Vec::with_capacity(offered.len());
    for preference in offered {
        let name = name(&preference)?;
        if name == PERSONAL_DETAILS && !is_owner {
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
    let put = store.put_preferences(account, scope(is_owner), preferences).await;
    put.map_err(|err| match err {
        PutPreferencesError::OutOfScope { .. } => XrpcError::invalid_request(format!(
            "Some preferences are not in the {NAMESPACE} namespace"
        )),
        PutPreferencesError::Store(err) => err.into(),
    })
}

fn name(preference: &Value) -> Result<String, XrpcError> {
    let name = preference.get("$type").and_then(Value::as_str);
    name.map(str::to_owned)
        .ok_or_else(|| XrpcError::invalid_request("Preference is missing a $type"))
}
