//! Whose records may be read by anybody.

use std::sync::Arc;

use cairn_model::AtIdentifier;
use cairn_store::{Account, AccountStatus};

use crate::App;
use crate::error::XrpcError;

/// The account that `repo` names, if its records are public.
///
/// # Errors
/// 400 `RepoNotFound`, `RepoTakendown`, `RepoSuspended` or `RepoDeactivated`.
pub async fn public_repo(app: &App, repo: AtIdentifier) -> Result<Arc<Account>, XrpcError> {
    let account = app.store.account(repo.clone()).await?;
    let account = account.ok_or_else(|| XrpcError::repo_not_found(repo))?;
    let (name, state) = match account.status() {
        AccountStatus::Active => return Ok(account),
        AccountStatus::Deactivated => ("RepoDeactivated", "deactivated"),
        AccountStatus::Suspended => ("RepoSuspended", "suspended"),
        AccountStatus::Takendown => ("RepoTakendown", "taken down"),
    };
    Err(XrpcError::named(name, format!("Repo is {state}: {}", account.did)))
}
