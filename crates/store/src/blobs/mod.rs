//! Blobs: bytes on disk named by their CID, and rows that say what they are.
//!
//! A blob begins temporary, belongs to the account that uploaded it, and becomes permanent when a
//! record of that account refers to it. When the last reference goes, it is no longer served and
//! its bytes go some time later. <https://atproto.com/specs/blob>

mod check;
mod collect;
mod files;
mod rows;
mod serve;
mod sniff;
#[cfg(test)]
mod tests;
mod upload;

use cairn_model::Cid;

use crate::AccountId;

pub use check::{BlobFault, BlobProblem};
pub use collect::BlobAges;
pub(crate) use files::BlobFolder;
pub use rows::{BlobCounts, BlobInfo, MissingBlob};
pub(crate) use rows::{cid as cid_of, settle_references};
pub use serve::BlobFile;
pub(crate) use upload::blocking;
pub use upload::{BlobUpload, UploadError};

/// One blob of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BlobName {
    pub(crate) account: AccountId,
    pub(crate) cid: Cid,
}
