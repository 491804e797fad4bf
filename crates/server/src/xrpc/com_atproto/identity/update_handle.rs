//! `com.atproto.identity.updateHandle`

use cairn_model::Handle;
use cairn_store::{Account, NoAccount, UpdateHandleError};
use serde::Deserialize;

use crate::App;
use crate::accounts::handle_policy::{self, Domain, HandleError};
use crate::accounts::{hosted, identity};
use crate::auth::Session;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct UpdateHandle {
    handle: String,
}

pub async fn update_handle(cx: Cx<Session>, Input(input): Input<UpdateHandle>) -> Result<()> {
    let account = &cx.caller.account;
    let (handle, domain) =
        handle_policy::check(&input.handle, cx.app.config.handle_rules(), false)?;
    if domain == Domain::External {
        identity::require_handle_resolves(&cx.app, &handle, &account.did).await?;
    }
    change(&cx.app, account, &handle).await
}

/// Gives the account a handle that it may have: in its DID document, then here.
///
/// If the second fails, the first is undone.
pub(crate) async fn change(app: &App, account: &Account, handle: &Handle) -> Result<()> {
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
