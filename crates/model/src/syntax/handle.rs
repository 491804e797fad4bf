//! Handles: <https://atproto.com/specs/handle>.

use std::sync::Arc;

use super::{Kind, Reason, SyntaxError, text_traits};

/// A handle such as `alice.example.com`, in lower case.
///
/// This is syntax only: top-level domains that nobody may register (`.local`, `.onion`) pass.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(Arc<str>);

text_traits!(Handle);

impl Handle {
    /// The longest host name.
    pub const MAX_BYTES: usize = 253;

    /// Reads a handle and turns it to lower case.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Self::check(text)?;
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Ok(Self(text.to_ascii_lowercase().into()));
        }
        Ok(Self(text.into()))
    }

    /// Checks the syntax without keeping the text.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        let fail = |reason| Err(SyntaxError { kind: Kind::Handle, reason });
        if text.len() > Self::MAX_BYTES {
            return fail(Reason::TooLong(Self::MAX_BYTES));
        }
        let mut labels = 0;
        let mut last = "";
        for label in text.split('.') {
            check_label(label).map_err(|reason| SyntaxError { kind: Kind::Handle, reason })?;
            labels += 1;
            last = label;
        }
        if labels < 2 {
            return fail(Reason::Structure);
        }
        if !last.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return fail(Reason::Character);
        }
        Ok(())
    }

    /// The labels after the first: `example.com` for `alice.example.com`.
    #[must_use]
    pub fn parent(&self) -> &str {
        self.as_str().split_once('.').map_or("", |(_, parent)| parent)
    }
}

/// One label of a host name: letters, digits and inner hyphens, at most 63.
pub(super) fn check_label(label: &str) -> Result<(), Reason> {
    let (Some(first), Some(last)) = (label.bytes().next(), label.bytes().next_back()) else {
        return Err(Reason::Empty);
    };
    if label.len() > 63 {
        return Err(Reason::TooLong(63));
    }
    if first == b'-'
        || last == b'-'
        || !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    {
        return Err(Reason::Character);
    }
    Ok(())
}
