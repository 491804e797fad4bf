//! `app.bsky.actor.*`: the preferences of an account, which are private and therefore kept with it.

pub mod get_preferences;
pub mod put_preferences;

use cairn_store::PreferenceScope;

use crate::auth::Session;

const NAMESPACE: &str = "app.bsky";
/// Holds the birth date: for the account's owner only.
const PERSONAL_DETAILS: &str = "app.bsky.actor.defs#personalDetailsPref";
/// Computed from the birth date and never stored.
const DECLARED_AGE: &str = "app.bsky.actor.defs#declaredAgePref";

fn scope(caller: &Session) -> PreferenceScope {
    let except = if caller.is_full() { Vec::new() } else { vec![PERSONAL_DETAILS.to_owned()] };
    PreferenceScope { namespace: NAMESPACE.to_owned(), except }
}
