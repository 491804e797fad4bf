//! The end of an account.

use cairn_store::Account;

use crate::App;
use crate::error::XrpcError;

/// Deletes the account with everything in it. Nobody sees it from the moment this returns; the bulk of its rows and
/// its blobs go in the background.
pub async fn delete(app: &App, account: &Account) -> Result<(), XrpcError> {
    app.store.delete_account(account.id).await?;
    let store = app.store.clone();
    app.tasks.spawn(async move {
        if let Err(error) = store.finish_deletions().await {
            tracing::warn!(%error, "the remains of a deleted account are left for later");
        }
    });
    Ok(())
}
