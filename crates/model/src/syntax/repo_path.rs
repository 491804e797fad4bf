//! The path of a record inside a repository: <https://atproto.com/specs/repository#repo-data-structure-v3>.

use std::sync::Arc;

use super::{Kind, Nsid, Reason, RecordKey, SyntaxError, text_traits};

/// `collection/rkey`, the key of a record in the tree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(Arc<str>);

text_traits!(RepoPath);

impl RepoPath {
    /// The longest key that other implementations accept in a tree. The longest collection and record key together
    /// stay below it.
    pub const MAX_BYTES: usize = 1024;

    /// Joins a collection and a record key.
    #[must_use]
    pub fn new(collection: &Nsid, rkey: &RecordKey) -> Self {
        let mut path = String::with_capacity(collection.as_str().len() + 1 + rkey.as_str().len());
        path.push_str(collection.as_str());
        path.push('/');
        path.push_str(rkey.as_str());
        Self(path.into())
    }

    /// Reads a path of exactly one collection and one record key.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    /// Checks the syntax without keeping the text.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        let fail = |reason| SyntaxError { kind: Kind::RepoPath, reason };
        let (collection, rkey) = text.split_once('/').ok_or(fail(Reason::Structure))?;
        Nsid::check(collection).map_err(|error| fail(error.reason))?;
        RecordKey::check(rkey).map_err(|error| fail(error.reason))
    }

    /// The collection and the record key.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        self.as_str().split_once('/').unwrap_or_default()
    }

    /// The collection's NSID.
    #[must_use]
    pub fn collection(&self) -> &str {
        self.parts().0
    }

    /// The record key.
    #[must_use]
    pub fn rkey(&self) -> &str {
        self.parts().1
    }
}
