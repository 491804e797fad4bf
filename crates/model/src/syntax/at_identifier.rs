//! What names an account: a handle or a DID.

use super::{Did, Handle, Kind, SyntaxError, parse_traits};

/// A handle or a DID, as the parameters `repo`, `actor` and `identifier` take them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AtIdentifier {
    /// A DID.
    Did(Did),
    /// A handle, in lower case.
    Handle(Handle),
}

parse_traits!(AtIdentifier);

impl AtIdentifier {
    /// Reads a DID if the text starts with `did:`, a handle otherwise.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let parsed = if text.starts_with("did:") {
            Did::parse(text).map(Self::Did)
        } else {
            Handle::parse(text).map(Self::Handle)
        };
        parsed.map_err(|error| SyntaxError { kind: Kind::AtIdentifier, ..error })
    }

    /// Checks the syntax without keeping the text.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        let checked = if text.starts_with("did:") { Did::check(text) } else { Handle::check(text) };
        checked.map_err(|error| SyntaxError { kind: Kind::AtIdentifier, ..error })
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Did(did) => did.as_str(),
            Self::Handle(handle) => handle.as_str(),
        }
    }

    /// The DID, if it is one.
    #[must_use]
    pub fn as_did(&self) -> Option<&Did> {
        match self {
            Self::Did(did) => Some(did),
            Self::Handle(_) => None,
        }
    }
}

impl std::fmt::Display for AtIdentifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl AsRef<str> for AtIdentifier {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<Did> for AtIdentifier {
    fn from(did: Did) -> Self {
        Self::Did(did)
    }
}

impl From<Handle> for AtIdentifier {
    fn from(handle: Handle) -> Self {
        Self::Handle(handle)
    }
}
