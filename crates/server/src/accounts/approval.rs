//! The operator's answer to people who wait for an account.
//!
//! Nothing of theirs has left the server until then: the approval registers the DID and announces the account. A step that
//! fails leaves the person waiting, and the approval can be given again.

use cairn_identity::plc::Operation;
use cairn_model::Did;
use cairn_store::Account;

use super::acts::Action;
use super::{administration, create, identity, mailing};
use crate::App;
use crate::auth::Moderator;
use crate::error::XrpcError;
use crate::i18n::Text;
use crate::mail::letters;

/// Makes the account of somebody who waits, and writes to them.
///
/// # Errors
/// 400 `NotFound` when nobody waits under this DID; the directory's.
pub async fn approve(app: &App, did: &Did) -> Result<Account, XrpcError> {
    let _turn = app.identity_turns.take(did).await;
    let applicant = app.store.begin_approval(did).await?.ok_or_else(|| nobody(did))?;
    if let Some(genesis) = &applicant.genesis {
        register(app, did, genesis).await?;
    }
    let delete_after = app.clock.now().saturating_add(create::DELETE_AFTER).ok();
    let account = app.store.approve_applicant(did, delete_after).await?;
    administration::record(app, &Moderator::Admin, Action::Approve, did.as_str(), []).await;
    tell(app, &account);
    Ok(account)
}

/// Erases what somebody who waits has left here.
///
/// # Errors
/// 400 `NotFound` when nobody waits under this DID.
pub async fn reject(app: &App, did: &Did) -> Result<(), XrpcError> {
    let _turn = app.identity_turns.take(did).await;
    if !app.store.reject_applicant(did).await? {
        return Err(nobody(did));
    }
    administration::record(app, &Moderator::Admin, Action::Reject, did.as_str(), []).await;
    Ok(())
}

fn nobody(did: &Did) -> XrpcError {
    XrpcError::named("NotFound", format!("Nobody waits for an account with the DID {did}"))
}

/// An approval before this one may have come as far as the directory.
async fn register(app: &App, did: &Did, genesis: &Operation) -> Result<(), XrpcError> {
    let Err(err) = app.plc.submit(did, genesis).await else { return Ok(()) };
    match app.plc.get_last_op(did).await {
        Ok(last) if last == *genesis => Ok(()),
        Ok(_) | Err(_) => Err(err.into()),
    }
}

/// The account is there whether the mail arrives or not.
fn tell(app: &App, account: &Account) {
    let Some(to) = account.email.as_deref() else { return };
    let handle = identity::shown_handle(account);
    let mail = letters::approved(&app.config, Text::default(), to, &handle, app.clock.now());
    mailing::post_later(app, &account.did, mail);
}
