//! `app.bsky.*`: what this server answers itself instead of the AppView.

pub mod actor;

use crate::auth::SESSION;
use crate::xrpc::{Endpoint, procedure, query};

use self::actor::get_preferences::get_preferences;
use self::actor::put_preferences::put_preferences;

/// The methods of this namespace.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        query("app.bsky.actor.getPreferences", SESSION.or_takendown(), get_preferences),
        procedure("app.bsky.actor.putPreferences", SESSION.not_takendown(), put_preferences),
    ]
}
