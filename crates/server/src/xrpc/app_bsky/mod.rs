//! `app.bsky.*`: what this server answers itself instead of the AppView.

pub mod actor;
pub mod feed;
pub mod notification;

use crate::auth::{OAuthPolicy, SESSION, SESSION_OR_MODERATOR};
use crate::read_after_write::{
    actor_likes::get_actor_likes, author_feed::get_author_feed, post_thread::get_post_thread,
    post_thread_v2::get_post_thread_v2, profile::get_profile, profiles::get_profiles,
    timeline::get_timeline,
};
use crate::xrpc::{Endpoint, procedure, query};

use self::actor::get_preferences::get_preferences;
use self::actor::put_preferences::put_preferences;
use self::feed::get_feed::get_feed;
use self::notification::register_push::register_push;
use self::notification::unregister_push::unregister_push;

/// The methods of this namespace.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        query(
            "app.bsky.actor.getPreferences",
            SESSION_OR_MODERATOR.or_takendown(),
            get_preferences,
        )
        .oauth(OAuthPolicy::Rpc),
        procedure("app.bsky.actor.putPreferences", SESSION.not_takendown(), put_preferences)
            .oauth(OAuthPolicy::Rpc),
        query("app.bsky.actor.getProfile", SESSION.not_takendown(), get_profile)
            .oauth(OAuthPolicy::Rpc),
        query("app.bsky.actor.getProfiles", SESSION.not_takendown(), get_profiles)
            .oauth(OAuthPolicy::Rpc),
        query("app.bsky.feed.getActorLikes", SESSION.not_takendown(), get_actor_likes)
            .oauth(OAuthPolicy::Rpc),
        query("app.bsky.feed.getAuthorFeed", SESSION.not_takendown(), get_author_feed)
            .oauth(OAuthPolicy::Rpc),
        query("app.bsky.feed.getPostThread", SESSION.not_takendown(), get_post_thread)
            .oauth(OAuthPolicy::Rpc),
        query("app.bsky.feed.getTimeline", SESSION.not_takendown(), get_timeline)
            .oauth(OAuthPolicy::Rpc),
        query("app.bsky.unspecced.getPostThreadV2", SESSION.not_takendown(), get_post_thread_v2)
            .oauth(OAuthPolicy::Rpc),
        query("app.bsky.feed.getFeed", SESSION.not_takendown(), get_feed).oauth(OAuthPolicy::Rpc),
        procedure(
            "app.bsky.notification.registerPush",
            SESSION.or_signup_queued().not_takendown(),
            register_push,
        )
        .oauth(OAuthPolicy::RpcOfInput),
        procedure("app.bsky.notification.unregisterPush", SESSION.not_takendown(), unregister_push)
            .oauth(OAuthPolicy::RpcOfInput),
    ]
}
