//! `com.atproto.server.checkAccountStatus`

use serde::Serialize;

use crate::accounts::identity::require_valid_document;
use crate::auth::Session;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Json, Result};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    activated: bool,
    valid_did: bool,
    repo_commit: String,
    repo_rev: String,
    repo_blocks: u64,
    indexed_records: u64,
    /// This server keeps no private values.
    private_state_values: u64,
    expected_blobs: u64,
    imported_blobs: u64,
}

/// How far a migration has come.
pub async fn check_account_status(cx: Cx<Session>) -> Result<Json<AccountStatus>> {
    let account = &cx.caller.account;
    let store = &cx.app.store;
    let head = store.head(account.id).await?;
    let head = head.ok_or_else(|| XrpcError::internal("the account has no repository"))?;
    let (records, blocks, blobs) = tokio::try_join!(
        store.record_count(account.id),
        store.block_count(account.id),
        store.blob_counts(account.id)
    )?;
    Ok(Json(AccountStatus {
        activated: account.is_active(),
        valid_did: require_valid_document(&cx.app, &account.did).await.is_ok(),
        repo_commit: head.commit.to_string(),
        repo_rev: head.rev.to_string(),
        repo_blocks: blocks,
        indexed_records: records,
        private_state_values: 0,
        expected_blobs: blobs.expected,
        imported_blobs: blobs.imported,
    }))
}
