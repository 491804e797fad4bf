//! `com.atproto.moderation.*`: reports, which a moderation service takes.

pub mod create_report;

use crate::auth::{OAuthPolicy, SESSION};
use crate::xrpc::{Endpoint, procedure};

use self::create_report::create_report;

/// The methods of this namespace.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    // Who is taken down may appeal.
    vec![
        procedure("com.atproto.moderation.createReport", SESSION.or_takendown(), create_report)
            .oauth(OAuthPolicy::Rpc),
    ]
}
