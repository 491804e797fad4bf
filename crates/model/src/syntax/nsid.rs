//! Namespaced identifiers: <https://atproto.com/specs/nsid>.

use std::sync::Arc;

use super::{Kind, Reason, SyntaxError, handle::check_label, text_traits};

/// An NSID such as `app.bsky.feed.post`: a reversed domain, then a name. Case is significant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nsid(Arc<str>);

text_traits!(Nsid);

impl Nsid {
    /// A domain of 253 bytes, a dot and a name of 63.
    pub const MAX_BYTES: usize = 317;
    const MAX_NAME: usize = 63;

    /// Reads an NSID.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    /// Checks the syntax without keeping the text.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        let fail = |reason| Err(SyntaxError { kind: Kind::Nsid, reason });
        let Some((authority, name)) = text.rsplit_once('.') else {
            return fail(Reason::Structure);
        };
        // Interop: only the whole is bounded; the vectors hold an authority beyond the 253 bytes of a domain name.
        if text.len() > Self::MAX_BYTES {
            return fail(Reason::TooLong(Self::MAX_BYTES));
        }
        if name.len() > Self::MAX_NAME {
            return fail(Reason::TooLong(Self::MAX_NAME));
        }
        if !authority.contains('.') {
            return fail(Reason::Structure);
        }
        if !authority.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return fail(Reason::Character);
        }
        for label in authority.split('.') {
            check_label(label).map_err(|reason| SyntaxError { kind: Kind::Nsid, reason })?;
        }
        if name.is_empty() {
            return fail(Reason::Empty);
        }
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic());
        if !starts_well || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return fail(Reason::Character);
        }
        Ok(())
    }

    /// Everything before the name, in the order it is written: `app.bsky.feed`.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.as_str().rsplit_once('.').map_or("", |(authority, _)| authority)
    }

    /// The authority as a domain name, in lower case: `feed.bsky.app`.
    #[must_use]
    pub fn authority_domain(&self) -> String {
        let labels: Vec<&str> = self.authority().rsplit('.').collect();
        labels.join(".").to_ascii_lowercase()
    }

    /// The last segment: `post`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.as_str().rsplit_once('.').map_or("", |(_, name)| name)
    }
}
