//! Whose repository is shown to whom.

use std::sync::Arc;

use cairn_model::Did;
use cairn_store::{Account, AccountStatus, Head};

use crate::auth::RepoReader;
use crate::error::XrpcError;
use crate::xrpc::Cx;

/// The account whose repository `did` is, if this reader may see it.
///
/// # Errors
/// 400 `RepoNotFound`, or a name that says why it is not shown.
pub(super) async fn readable(cx: &Cx<RepoReader>, did: &Did) -> Result<Arc<Account>, XrpcError> {
    let account = cx.app.store.account(did).await?;
    let account = account.ok_or_else(|| XrpcError::repo_not_found(did))?;
    if account.is_active() || cx.caller.sees_inactive(did) {
        return Ok(account);
    }
    Err(match account.status() {
        AccountStatus::Takendown => {
            XrpcError::named("RepoTakendown", format!("Repo has been takendown: {did}"))
        }
        AccountStatus::Suspended => {
            XrpcError::named("RepoSuspended", format!("Repo has been suspended: {did}"))
        }
        AccountStatus::Deactivated => {
            XrpcError::named("RepoDeactivated", format!("Repo has been deactivated: {did}"))
        }
        AccountStatus::Active => XrpcError::repo_not_found(did),
    })
}

/// The account and the head of its repository.
///
/// # Errors
/// As [`readable`]; `RepoNotFound` also while the account has no repository.
pub(super) async fn head_of(
    cx: &Cx<RepoReader>,
    did: &Did,
) -> Result<(Arc<Account>, Head), XrpcError> {
    let account = readable(cx, did).await?;
    let head = cx.app.store.head(account.id).await?;
    let head = head.ok_or_else(|| XrpcError::repo_not_found(did))?;
    Ok((account, head))
}
