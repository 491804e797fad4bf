//! Making an account live, and hiding it.

use cairn_store::{Account, ActivateError};
use jiff::{SignedDuration, Timestamp};

use super::{identity, mailing, session};
use crate::App;
use crate::error::XrpcError;
use crate::i18n::Text;
use crate::mail::letters;

/// An account that is to be deleted by itself is kept this long: its owner reads the letter, and can come back.
const MIN_DELETE_AFTER: SignedDuration = SignedDuration::from_hours(24);

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

/// Hides the account at its owner's wish. At `delete_after` it is deleted, if it still is hidden then; the owner is told
/// so by mail, in the language of `t`.
///
/// # Errors
/// 400 for a date that is less than a day ahead: what deletes at once asks for password and mailed code.
pub async fn deactivate(
    app: &App,
    t: Text,
    account: &Account,
    delete_after: Option<Timestamp>,
) -> Result<(), XrpcError> {
    let earliest = app.clock.now().saturating_add(MIN_DELETE_AFTER).unwrap_or(Timestamp::MAX);
    if delete_after.is_some_and(|at| at < earliest) {
        let message = "deleteAfter must be at least 24 hours ahead; deleteAccount deletes at once";
        return Err(XrpcError::invalid_request(message));
    }
    app.store.deactivate(account.id, delete_after).await?;
    if let (Some(at), Some(to)) = (delete_after, account.email.clone()) {
        let handle = identity::shown_handle(account);
        let mail = letters::deletion_ahead(&app.config, t, &to, &handle, at, app.clock.now());
        mailing::post_later(app, &account.did, mail);
    }
    Ok(())
}
