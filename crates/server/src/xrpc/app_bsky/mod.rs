//! `app.bsky.*`: what this server answers itself instead of the AppView.

pub mod actor;
pub mod feed;
pub mod notification;

use crate::auth::SESSION;
use crate::xrpc::{Endpoint, procedure, query};

use self::actor::get_preferences::get_preferences;
use self::actor::put_preferences::put_preferences;
use self::feed::get_feed::get_feed;
use self::notification::register_push::register_push;
use self::notification::unregister_push::unregister_push;

/// The methods of this namespace.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        query("app.bsky.actor.getPreferences", SESSION.or_takendown(), get_preferences),
        procedure("app.bsky.actor.putPreferences", SESSION.not_takendown(), put_preferences),
        query("app.bsky.feed.getFeed", SESSION.not_takendown(), get_feed),
        procedure(
            "app.bsky.notification.registerPush",
            SESSION.or_signup_queued().not_takendown(),
            register_push,
        ),
        procedure("app.bsky.notification.unregisterPush", SESSION.not_takendown(), unregister_push),
    ]
}
