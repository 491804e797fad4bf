//! The JSON form of the data model: <https://atproto.com/specs/data-model#json-representation>.
//!
//! Reading is strict: no floats (`123.0` is the integer 123), no integers beyond 64 bits, no key twice, and objects
//! with `$link`, `$bytes` or `$type` must be what they say. Printing is exact UTF-8 with as few escapes as JSON
//! allows and keys in the order of DAG-CBOR.

mod object;
mod read;
mod write;

pub use read::{from_serde, from_slice};
pub use write::{to_serde, to_vec, write};
pub(crate) use write::{write_bytes, write_int, write_link, write_string};

/// Why a text is not a value of the data model.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Not JSON at all, or nested beyond any measure.
    #[error("not valid json: {0}")]
    Syntax(#[from] serde_json::Error),
    /// A number with a fraction.
    #[error("numbers must be integers")]
    Float,
    /// An integer beyond 64 bits.
    #[error("an integer does not fit into 64 bits")]
    IntegerRange,
    /// A key stands twice in one object.
    #[error("an object has a key twice")]
    DuplicateKey,
    /// A key is empty.
    #[error("an object has an empty key")]
    EmptyKey,
    /// A key has more bytes than allowed.
    #[error("an object key is longer than {max} bytes")]
    KeyTooLong {
        /// The limit.
        max: usize,
    },
    /// A list or object has more elements than allowed.
    #[error("a list or object has more than {max} elements")]
    ContainerTooLarge {
        /// The limit.
        max: usize,
    },
    /// More containers inside containers than allowed.
    #[error("nested deeper than {max} levels")]
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// `$link` with something else than a CID, or with other keys.
    #[error("malformed $link")]
    Link,
    /// `$bytes` with something else than base64, or with other keys.
    #[error("malformed $bytes")]
    Bytes,
    /// `$type` with something else than a non-empty string.
    #[error("$type must be a non-empty string")]
    Type,
    /// `$type` is `blob`, but a field is missing, of a wrong type or unknown.
    #[error("malformed blob")]
    Blob,
}
