//! `app.bsky.feed.*`: views of the AppView with what it does not know yet.

pub mod get_feed;
