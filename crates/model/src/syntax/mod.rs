//! The string identifiers of the protocol. Each type checks its syntax once, when it is parsed, and is cheap to clone.

mod at_identifier;
mod at_uri;
mod datetime;
mod did;
mod handle;
mod language;
mod nsid;
mod record_key;
mod repo_path;
mod tid;
mod uri;

pub use at_identifier::AtIdentifier;
pub use at_uri::AtUri;
pub use datetime::Datetime;
pub use did::Did;
pub use handle::Handle;
pub use language::Language;
pub use nsid::Nsid;
pub use record_key::RecordKey;
pub use repo_path::RepoPath;
pub use tid::{Tid, TidClock, is_tid_syntax};
pub use uri::is_uri_syntax;

/// Why a string is not the identifier it was read as. Holds nothing of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid {kind}: {reason}")]
pub struct SyntaxError {
    /// Which identifier was expected.
    pub kind: Kind,
    /// What is wrong with the input.
    pub reason: Reason,
}

/// The identifiers that a [`SyntaxError`] speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A decentralized identifier.
    Did,
    /// A handle.
    Handle,
    /// A handle or a DID.
    AtIdentifier,
    /// A namespaced identifier.
    Nsid,
    /// The last segment of a record's path.
    RecordKey,
    /// A collection and a record key.
    RepoPath,
    /// A timestamp identifier.
    Tid,
    /// An `at://` URI.
    AtUri,
    /// A date with a time and a zone.
    Datetime,
    /// A BCP 47 language tag.
    Language,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Did => "did",
            Self::Handle => "handle",
            Self::AtIdentifier => "at-identifier",
            Self::Nsid => "nsid",
            Self::RecordKey => "record key",
            Self::RepoPath => "repository path",
            Self::Tid => "tid",
            Self::AtUri => "at-uri",
            Self::Datetime => "datetime",
            Self::Language => "language tag",
        })
    }
}

/// What is wrong with an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is nothing, or a part is empty.
    Empty,
    /// Longer than this many bytes.
    TooLong(usize),
    /// Shorter or longer than the one length it may have.
    Length,
    /// Does not start as it must.
    Prefix,
    /// A character that may not stand there.
    Character,
    /// Too few, too many or misplaced parts.
    Structure,
    /// Reserved words such as the record keys `.` and `..`.
    Reserved,
    /// The parts are well formed, but mean nothing, as month 13 does.
    Range,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("a part is empty"),
            Self::TooLong(max) => write!(f, "longer than {max} bytes"),
            Self::Length => f.write_str("wrong length"),
            Self::Prefix => f.write_str("wrong beginning"),
            Self::Character => f.write_str("a character is not allowed there"),
            Self::Structure => f.write_str("wrong number or order of parts"),
            Self::Reserved => f.write_str("the name is reserved"),
            Self::Range => f.write_str("a part is out of range"),
        }
    }
}

/// Gives a type that wraps checked text its parsing, printing, comparison and serde traits. The type has a tuple field
/// `0` that dereferences to `str`, and an associated `fn parse(&str) -> Result<Self, SyntaxError>`.
macro_rules! text_traits {
    ($name:ident) => {
        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        $crate::syntax::parse_traits!($name);
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }
        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }
        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.as_str().to_owned()
            }
        }
    };
}

/// `FromStr`, `TryFrom` and serde for a type with `parse(&str)` and `Display`.
macro_rules! parse_traits {
    ($name:ident) => {
        impl std::str::FromStr for $name {
            type Err = $crate::SyntaxError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }
        impl TryFrom<&str> for $name {
            type Error = $crate::SyntaxError;
            fn try_from(text: &str) -> Result<Self, Self::Error> {
                Self::parse(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = $crate::SyntaxError;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("a string that is a valid ", stringify!($name)))
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                        $name::parse(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

pub(crate) use parse_traits;
pub(crate) use text_traits;
