//! Changing the handle of an account.

use cairn_model::Handle;
use cairn_store::{Account, NoAccount, UpdateHandleError};

use super::handle_policy::HandleError;
use super::{hosted, identity};
use crate::App;
use crate::error::XrpcError;

/// Gives the account a handle that it may have: in its DID document, then here.
///
/// If the second fails, the first is undone.
///
/// # Errors
/// 400 `HandleNotAvailable` when another account has it; the directory's.
pub async fn change(app: &App, account: &Account, handle: &Handle) -> Result<(), XrpcError> {
    let _turn = app.identity_turns.take(&account.did).await;
    let account = app.store.account(account.id).await?.ok_or(NoAccount)?;
    let holders = [app.store.account(handle.clone()).await?, hosted::owner_of(app, handle).await?];
    let is_held = holders.into_iter().flatten().any(|holder| holder.id != account.id)
        || app.store.applicant(handle.clone()).await?.is_some();
    if is_held {
        return Err(HandleError::Taken(handle.clone()).into());
    }
    identity::publish_handle(app, &account.did, handle).await?;
    match app.store.update_handle(account.id, Some(handle.clone())).await {
        Ok(()) => Ok(()),
        Err(err) => {
            if let Some(before) = &account.handle
                && let Err(error) = identity::publish_handle(app, &account.did, before).await
            {
                let did = &account.did;
                tracing::warn!(%did, %error, "the document keeps a handle that the account did not get");
            }
            Err(match err {
                // Somebody took it between the question and now.
                UpdateHandleError::Taken => HandleError::Taken(handle.clone()).into(),
                err => err.into(),
            })
        }
    }
}
