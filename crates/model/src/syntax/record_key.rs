//! Record keys: <https://atproto.com/specs/record-key>.

use std::sync::Arc;

use super::{Kind, Reason, SyntaxError, Tid, text_traits};

/// A record key such as `3jzfcijpj2z2a` or `self`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey(Arc<str>);

text_traits!(RecordKey);

impl RecordKey {
    /// The longest record key.
    pub const MAX_BYTES: usize = 512;

    /// Reads a record key.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    /// Checks the syntax without keeping the text.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        let fail = |reason| Err(SyntaxError { kind: Kind::RecordKey, reason });
        if text.is_empty() {
            return fail(Reason::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return fail(Reason::TooLong(Self::MAX_BYTES));
        }
        if matches!(text, "." | "..") {
            return fail(Reason::Reserved);
        }
        if !text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'~' | b'-'))
        {
            return fail(Reason::Character);
        }
        Ok(())
    }
}

impl From<Tid> for RecordKey {
    fn from(tid: Tid) -> Self {
        Self(tid.to_string().into())
    }
}
