//! `app.bsky.actor.*`: the preferences of an account, which are private and therefore kept with it.

pub mod get_preferences;
pub mod put_preferences;
