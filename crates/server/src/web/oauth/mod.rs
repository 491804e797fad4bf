//! `/oauth/authorize`: the person's part of OAuth.
//!
//! An app has pushed a request and sends the person here with its URI ([`entry`]). Whoever must sign in, sign up or choose
//! an account does so on the pages of accounts, and comes back by [`Flow::url`]. Then they see who asks for what, and say
//! yes or no ([`consent`]). The answer goes to the app ([`leave`]). What a request is and how it is answered is the
//! business of [`crate::oauth::authorize`].
//!
//! Specs: <https://atproto.com/specs/oauth>, RFC 6749 §4.1, RFC 9126 §4.

mod collections;
mod consent;
mod entry;
mod flow;
mod inactive;
mod leave;
mod picker;
mod trouble;
pub(super) mod words;

pub(super) use flow::asker_of;

use super::route::{Route, Who, get, post};

/// Where apps send people.
const ENTRY: &str = "/oauth/authorize";
/// Where people come back to from the pages of accounts.
const REQUEST: &str = "/oauth/authorize/request";

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(ENTRY, Who::Anyone, entry::enter),
        get(REQUEST, Who::Anyone, entry::come_back),
        post(REQUEST, Who::Anyone, consent::decide),
    ]
}
