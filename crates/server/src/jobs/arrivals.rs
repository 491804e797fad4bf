//! Accounts that were brought along and that nobody has activated in their time: those whose identity has come here are kept,
//! whoever brought it here and however; the others are forgotten and go.

use cairn_store::{Account, AccountError, StoreError};

use crate::accounts::moving;
use crate::app::App;

/// Accounts that are read at once.
const PAGE: u32 = 100;

/// Looks at those whose time is over. One whose DID document cannot be had waits for the next time.
pub(super) async fn settle(app: &App) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let due = app.store.arrivals_past_delete_after(after, PAGE).await?;
        let Some(last) = due.last() else { return Ok(()) };
        after = Some(last.id);
        for account in due {
            settle_one(app, &account).await?;
        }
    }
}

async fn settle_one(app: &App, account: &Account) -> Result<(), StoreError> {
    let did = &account.did;
    match moving::lives_here(app, account).await {
        Ok(true) => {
            tracing::info!(%did, "an account whose identity has come here is kept, though nobody has activated it");
            match app.store.cancel_deletion(account.id).await {
                Err(AccountError::Store(err)) => return Err(err),
                Ok(()) | Err(AccountError::NoAccount(_)) => {}
            }
        }
        Err(err) if err.status().is_server_error() => {
            tracing::debug!(%did, error = %err, "whether an account has come here cannot be seen now");
        }
        // It lives elsewhere, or nowhere any more.
        Ok(false) | Err(_) => {
            if app.store.delete_if_due(account.id).await? {
                tracing::info!(%did, "deleted an account that was brought along and never came");
            }
        }
    }
    Ok(())
}
