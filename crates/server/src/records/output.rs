//! What the writing methods answer.

use cairn_model::{Cid, Did, RepoPath};
use cairn_store::CommitMeta;
use serde::Serialize;

use super::Validation;

/// The record's address.
pub fn uri(did: &Did, path: &RepoPath) -> String {
    format!("at://{did}/{path}")
}

/// `com.atproto.repo.defs#commitMeta`
#[derive(Serialize)]
pub struct CommitView {
    cid: Cid,
    rev: String,
}

impl From<CommitMeta> for CommitView {
    fn from(commit: CommitMeta) -> Self {
        Self { cid: commit.cid, rev: commit.rev.to_string() }
    }
}

/// A record that was written; without a commit when nothing had to change.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    pub uri: String,
    pub cid: Cid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_status: Option<Validation>,
}
