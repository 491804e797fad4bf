//! Making an account live.

use cairn_store::{Account, ActivateError};

use super::{identity, session};
use crate::App;
use crate::error::XrpcError;

/// Only an account that moderation leaves alone, and only when its DID document names this server and the account's
/// key here: consumers would refuse its commits otherwise.
pub async fn activate(app: &App, account: &Account) -> Result<(), XrpcError> {
    if session::is_blocked(account) {
        return Err(session::takedown_error());
    }
    identity::require_valid_document(app, &account.did).await?;
    match app.store.activate(account.id).await {
        Ok(_) => Ok(()),
        Err(ActivateError::Moderated(_)) => Err(session::takedown_error()),
        Err(ActivateError::NoAccount(err)) => Err(err.into()),
        Err(ActivateError::Store(err)) => Err(err.into()),
    }
}
