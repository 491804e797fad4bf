//! `at://` URIs in the form that lexicons use: <https://atproto.com/specs/at-uri-scheme>.

use std::sync::Arc;

use super::{AtIdentifier, Did, Kind, Nsid, Reason, RecordKey, RepoPath, SyntaxError, text_traits};

/// An AT-URI: an authority, then maybe a collection, a record key and a fragment. The text is kept as it was given.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AtUri(Arc<str>);

text_traits!(AtUri);

/// The parts of an AT-URI, unchecked.
struct Parts<'a> {
    authority: &'a str,
    collection: Option<&'a str>,
    rkey: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl AtUri {
    /// The longest AT-URI: 8 KB.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// Reads an AT-URI. Trailing slashes, queries and further path segments are refused.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    /// The URI of a record.
    #[must_use]
    pub fn record(did: &Did, path: &RepoPath) -> Self {
        Self(format!("at://{did}/{path}").into())
    }

    /// Checks the syntax without keeping the text.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        let fail = |reason| SyntaxError { kind: Kind::AtUri, reason };
        if text.len() > Self::MAX_BYTES {
            return Err(fail(Reason::TooLong(Self::MAX_BYTES)));
        }
        let parts = split(text).ok_or(fail(Reason::Prefix))?;
        AtIdentifier::check(parts.authority).map_err(|error| fail(error.reason))?;
        if let Some(collection) = parts.collection {
            Nsid::check(collection).map_err(|error| fail(error.reason))?;
        }
        if let Some(rkey) = parts.rkey {
            RecordKey::check(rkey).map_err(|error| fail(error.reason))?;
        }
        match parts.fragment {
            Some(fragment) if !is_fragment(fragment) => Err(fail(Reason::Character)),
            _ => Ok(()),
        }
    }

    /// The DID or handle, as it is written.
    #[must_use]
    pub fn authority(&self) -> &str {
        split(&self.0).map_or("", |parts| parts.authority)
    }

    /// The authority, parsed: a handle comes in lower case.
    pub fn identifier(&self) -> Result<AtIdentifier, SyntaxError> {
        AtIdentifier::parse(self.authority())
    }

    /// The collection's NSID, if there is one.
    #[must_use]
    pub fn collection(&self) -> Option<&str> {
        split(&self.0).and_then(|parts| parts.collection)
    }

    /// The record key, if there is one.
    #[must_use]
    pub fn rkey(&self) -> Option<&str> {
        split(&self.0).and_then(|parts| parts.rkey)
    }

    /// What follows `#`, if there is one.
    #[must_use]
    pub fn fragment(&self) -> Option<&str> {
        split(&self.0).and_then(|parts| parts.fragment)
    }
}

fn split(text: &str) -> Option<Parts<'_>> {
    let rest = text.strip_prefix("at://")?;
    let (rest, fragment) =
        rest.split_once('#').map_or((rest, None), |(rest, fragment)| (rest, Some(fragment)));
    let mut segments = rest.splitn(3, '/');
    let authority = segments.next()?;
    Some(Parts { authority, collection: segments.next(), rkey: segments.next(), fragment })
}

/// A JSON pointer, in the characters that the scheme allows.
fn is_fragment(fragment: &str) -> bool {
    fragment.starts_with('/')
        && fragment.bytes().all(|b| {
            b.is_ascii_alphanumeric()
                || matches!(
                    b,
                    b'.' | b'_'
                        | b'~'
                        | b':'
                        | b'@'
                        | b'!'
                        | b'$'
                        | b'&'
                        | b'\''
                        | b'('
                        | b')'
                        | b'*'
                )
                || matches!(b, b'+' | b',' | b';' | b'=' | b'%' | b'[' | b']' | b'/' | b'-')
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found() {
        let uri = AtUri::parse("at://did:plc:abc/com.example.post/3k#/text").unwrap();
        assert_eq!(uri.authority(), "did:plc:abc");
        assert_eq!(uri.collection(), Some("com.example.post"));
        assert_eq!(uri.rkey(), Some("3k"));
        assert_eq!(uri.fragment(), Some("/text"));
        let uri = AtUri::parse("at://Alice.Test").unwrap();
        assert_eq!(uri.identifier().unwrap().as_str(), "alice.test");
        assert_eq!(uri.collection(), None);
    }
}
