//! Strict DAG-CBOR ("DRISL"): <https://atproto.com/specs/data-model#dag-cbor>.
//!
//! Every value has exactly one encoding, and only that one is read: shortest lengths and integers, definite lengths,
//! keys sorted by length and then bytewise, no floats, no tag but 42, integers within 64 signed bits, CIDs of the one
//! blessed kind.

mod encode;
mod reader;
mod transcode;
mod value;
pub mod write;

pub use encode::{encode, encode_into};
pub use reader::Reader;
pub use transcode::write_json;
pub use value::decode;

use crate::CidError;

/// Why bytes are not DAG-CBOR, or not what the reader expects there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The bytes end inside an item.
    #[error("the data ends inside an item")]
    UnexpectedEnd,
    /// Bytes follow the item.
    #[error("bytes follow the item")]
    TrailingBytes,
    /// An integer or length takes more bytes than it needs.
    #[error("an integer or length is not in its shortest form")]
    NonMinimal,
    /// An item without a length.
    #[error("items of indefinite length are not allowed")]
    Indefinite,
    /// A floating point number.
    #[error("floating point numbers are not allowed")]
    Float,
    /// A simple value that is not `true`, `false` or `null`, or a reserved header.
    #[error("a simple value is not true, false or null")]
    Simple,
    /// A tag that is not 42.
    #[error("tag {0} is not allowed")]
    Tag(u64),
    /// An integer beyond 64 signed bits.
    #[error("an integer does not fit into 64 bits")]
    IntegerRange,
    /// Text that is not UTF-8.
    #[error("text is not valid utf-8")]
    Utf8,
    /// A key that is not text.
    #[error("an object key is not text")]
    KeyType,
    /// A key twice, or not in order.
    #[error("object keys are not sorted, or one stands twice")]
    KeyOrder,
    /// An empty key.
    #[error("an object has an empty key")]
    EmptyKey,
    /// A key with more bytes than allowed.
    #[error("an object key is longer than {max} bytes")]
    KeyTooLong {
        /// The limit.
        max: usize,
    },
    /// A list or object with more elements than allowed.
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
    /// Tag 42 over something that is not a CID of the protocol.
    #[error("malformed link: {0}")]
    Link(#[from] CidError),
    /// Tag 42 over something else than bytes that begin with zero.
    #[error("malformed link: no bytes with a zero prefix")]
    LinkForm,
    /// Another kind of item than the reader expects.
    #[error("expected {expected}")]
    Unexpected {
        /// What the reader asked for.
        expected: &'static str,
    },
}
