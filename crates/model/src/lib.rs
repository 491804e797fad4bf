//! Identifiers and values of the AT Protocol.
//!
//! Identifiers ([`Did`], [`Handle`], [`Nsid`], [`RecordKey`], [`Tid`], [`AtUri`] and others) are types that can only
//! hold what the [specifications](https://atproto.com/specs/atp) allow: parse once at the edge, never again.
//! Values ([`Value`]) are the [data model](https://atproto.com/specs/data-model): they are read from and written to
//! JSON ([`json`]) and strict DAG-CBOR ([`cbor`]) and are addressed by a [`Cid`].
//!
//! This crate does no I/O and knows no clock.

mod blob;
pub mod cbor;
mod cid;
#[doc(hidden)]
pub mod fuzz;
pub mod json;
mod syntax;
mod value;

pub use blob::{BlobRef, BlobRefError, blob_refs, blob_refs_lenient};
pub use cid::{Cid, CidError, Codec, is_cid_syntax};
pub use syntax::{
    AtIdentifier, AtUri, Datetime, Did, Handle, Kind, Language, Nsid, Reason, RecordKey, RepoPath,
    SyntaxError, Tid, TidClock, is_tid_syntax, is_uri_syntax,
};
pub use value::{Limits, Map, Value};
