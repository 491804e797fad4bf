//! `com.atproto.lexicon.*`: published lexicons.

pub mod resolve_lexicon;

use crate::auth::ANYONE;
use crate::limits::Bucket;
use crate::xrpc::{Endpoint, query};

use self::resolve_lexicon::resolve_lexicon;

/// The methods of this namespace.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        query("com.atproto.lexicon.resolveLexicon", ANYONE, resolve_lexicon)
            .limits(&[Bucket::ResolveLexicon]),
    ]
}
