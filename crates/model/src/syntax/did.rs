//! Decentralized identifiers: <https://atproto.com/specs/did>.

use std::sync::Arc;

use super::{Kind, Reason, SyntaxError, text_traits};

/// A DID such as `did:plc:7iza6de2dwap2sbkpav7c6c6`, of any method.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Did(Arc<str>);

text_traits!(Did);

impl Did {
    /// The longest DID that the protocol knows.
    pub const MAX_BYTES: usize = 2048;

    /// Reads a DID; case is significant.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    /// Checks the syntax without keeping the text.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        let fail = |reason| Err(SyntaxError { kind: Kind::Did, reason });
        if text.len() > Self::MAX_BYTES {
            return fail(Reason::TooLong(Self::MAX_BYTES));
        }
        let Some((method, id)) = text.strip_prefix("did:").and_then(|rest| rest.split_once(':'))
        else {
            return fail(Reason::Prefix);
        };
        if method.is_empty() || id.is_empty() {
            return fail(Reason::Empty);
        }
        if !method.bytes().all(|b| b.is_ascii_lowercase()) {
            return fail(Reason::Character);
        }
        if !id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'%' | b'-'))
        {
            return fail(Reason::Character);
        }
        if id.ends_with([':', '%']) {
            return fail(Reason::Structure);
        }
        Ok(())
    }

    /// The method, such as `plc` or `web`.
    #[must_use]
    pub fn method(&self) -> &str {
        self.as_str().split(':').nth(1).unwrap_or_default()
    }

    /// What follows the method.
    #[must_use]
    pub fn method_specific_id(&self) -> &str {
        self.as_str().splitn(3, ':').nth(2).unwrap_or_default()
    }
}
