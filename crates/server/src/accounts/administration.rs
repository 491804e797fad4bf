//! What operators and moderators do to accounts, for the methods of `com.atproto.admin` and the console alike. Each act
//! that went through is written into the operator's log.

use cairn_model::{Cid, Did, Handle, RepoPath};
use cairn_store::{Account, ChangedBy, MailPurpose, NewAct, NewInviteCodes, Quotas, SetEmailError};
use serde_json::{Value, json};

use super::acts::{self, Action, Note};
use super::{handle, identity, mailing, password, removal};
use crate::App;
use crate::auth::Moderator;
use crate::error::XrpcError;
use crate::i18n::Text;
use crate::mail::letters::Event;

/// The maker and the owner of codes that belong to nobody in particular; the operator's name in the log.
pub const OPERATOR: &str = "admin";
/// Invite codes made at once, over all accounts.
const MAX_CODES: usize = 10_000;
/// Reasons and notes are for people to read.
pub const MAX_NOTE_CHARS: usize = 2_000;

/// Writes an act into the log. One that has happened stays when the log takes no entry.
pub async fn record<const N: usize>(
    app: &App,
    by: &Moderator,
    action: Action,
    subject: &str,
    notes: [(Note, Value); N],
) {
    let actor = match by {
        Moderator::Admin => OPERATOR.to_owned(),
        Moderator::Service(did) => did.to_string(),
    };
    let act = NewAct {
        actor,
        action: action.name().to_owned(),
        subject: subject.to_owned(),
        detail: acts::detail(notes),
    };
    if let Err(error) = app.store.record_act(act).await {
        tracing::error!(?action, subject, %error, "an administrative act is missing in the log");
    }
}

/// Hides the account and ends its sessions. Without a reference of the moderator's, the time serves as one.
///
/// # Errors
/// 400 for a reference that is too long.
pub async fn take_down(
    app: &App,
    by: &Moderator,
    account: &Account,
    reference: Option<String>,
) -> Result<(), XrpcError> {
    check_note(reference.as_deref())?;
    app.store.takedown(account.id, reference.clone()).await?;
    record(app, by, Action::Takedown, account.did.as_str(), [(Note::Reason, json!(reference))])
        .await;
    Ok(())
}

/// Lifts a takedown.
///
/// # Errors
/// 400 for a reason that is too long.
pub async fn restore(
    app: &App,
    by: &Moderator,
    account: &Account,
    reason: Option<String>,
) -> Result<(), XrpcError> {
    check_note(reason.as_deref())?;
    app.store.reverse_takedown(account.id).await?;
    record(app, by, Action::Restore, account.did.as_str(), [(Note::Reason, json!(reason))]).await;
    Ok(())
}

/// What of an account can be taken down alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Record(RepoPath),
    Blob(Cid),
}

/// Hides a record, or a blob, whose bytes are then not taken again either. Without a reference of the moderator's, the time
/// serves as one.
///
/// # Errors
/// 400 for a note that is too long; `NotFound`.
pub async fn take_down_part(
    app: &App,
    by: &Moderator,
    account: &Account,
    part: &Part,
    reference: Option<String>,
    reason: Option<String>,
) -> Result<(), XrpcError> {
    check_note(reference.as_deref())?;
    check_note(reason.as_deref())?;
    let stored = reference.clone().unwrap_or_else(|| app.clock.now().to_string());
    set_part(app, account, part, Some(stored)).await?;
    let notes = part_notes(part, reference, reason);
    record(app, by, Action::TakedownPart, account.did.as_str(), notes).await;
    Ok(())
}

/// Lifts the takedown of a record or a blob.
///
/// # Errors
/// As [`take_down_part`].
pub async fn restore_part(
    app: &App,
    by: &Moderator,
    account: &Account,
    part: &Part,
    reason: Option<String>,
) -> Result<(), XrpcError> {
    check_note(reason.as_deref())?;
    set_part(app, account, part, None).await?;
    record(app, by, Action::RestorePart, account.did.as_str(), part_notes(part, None, reason))
        .await;
    Ok(())
}

async fn set_part(
    app: &App,
    account: &Account,
    part: &Part,
    reference: Option<String>,
) -> Result<(), XrpcError> {
    let (exists, missing) = match part {
        Part::Record(path) => {
            let set = app.store.set_record_takedown(account.id, path, reference);
            (set.await?, "Record not found")
        }
        Part::Blob(cid) => {
            let set = app.store.set_blob_takedown(account.id, *cid, reference);
            (set.await?, "Blob not found")
        }
    };
    if exists { Ok(()) } else { Err(XrpcError::named("NotFound", missing)) }
}

fn part_notes(
    part: &Part,
    reference: Option<String>,
    reason: Option<String>,
) -> [(Note, Value); 3] {
    let part = match part {
        Part::Record(path) => (Note::Record, json!(path.to_string())),
        Part::Blob(cid) => (Note::Blob, json!(cid.to_string())),
    };
    [part, (Note::Reference, json!(reference)), (Note::Reason, json!(reason))]
}

/// Hides the account until its owner, or the operator, activates it. When it is to be deleted, if it is hidden already,
/// stays as it is.
pub async fn deactivate(app: &App, by: &Moderator, account: &Account) -> Result<(), XrpcError> {
    app.store.hide(account.id).await?;
    record(app, by, Action::Deactivate, account.did.as_str(), []).await;
    Ok(())
}

/// Makes the account live.
///
/// # Errors
/// 400 for an account whose DID document names another server or key, and for one that is taken down.
pub async fn activate(app: &App, by: &Moderator, account: &Account) -> Result<(), XrpcError> {
    identity::require_valid_document(app, &account.did).await?;
    app.store.activate(account.id).await?;
    record(app, by, Action::Activate, account.did.as_str(), []).await;
    Ok(())
}

/// Gives the account another handle, which it may have: one of the server's that operators hand out, or one that names it.
///
/// # Errors
/// Those of [`handle::change`].
pub async fn change_handle(
    app: &App,
    by: &Moderator,
    account: &Account,
    new: &Handle,
) -> Result<(), XrpcError> {
    handle::change(app, account, new).await?;
    record(app, by, Action::UpdateHandle, account.did.as_str(), [(Note::Handle, json!(new))]).await;
    Ok(())
}

/// Gives the account another address, unconfirmed, and tells whoever has shown to read the one before.
///
/// # Errors
/// [`SetEmailError::Taken`] for the address of another account.
pub async fn change_email(
    app: &App,
    by: &Moderator,
    account: &Account,
    new: String,
) -> Result<(), SetEmailError> {
    app.store.set_email(account.id, Some(new)).await?;
    if account.email_confirmed_at.is_some() {
        mailing::tell_later(app, Text::default(), account, Event::NewEmail, None);
    }
    record(app, by, Action::UpdateEmail, account.did.as_str(), []).await;
    Ok(())
}

/// Sets a password and ends all sessions; app passwords stay unless they are to go too.
///
/// # Errors
/// 400 for an empty password or one that is too long.
pub async fn set_password(
    app: &App,
    by: &Moderator,
    account: &Account,
    new: &str,
    app_passwords: bool,
) -> Result<(), XrpcError> {
    let hash = password::hash(app, new).await?;
    let end = password::ending(app_passwords);
    app.store.set_password_hash(account.id, hash, end, ChangedBy::Operator).await?;
    let notes = [(Note::AppPasswords, json!(app_passwords))];
    record(app, by, Action::SetPassword, account.did.as_str(), notes).await;
    Ok(())
}

/// Mails the owner a code to set a new password with.
///
/// # Errors
/// As [`mailing::send_token`].
pub async fn mail_reset(app: &App, by: &Moderator, account: &Account) -> Result<(), XrpcError> {
    mailing::send_token(app, Text::default(), account, MailPurpose::ResetPassword).await?;
    record(app, by, Action::MailReset, account.did.as_str(), []).await;
    Ok(())
}

/// Ends the sessions of apps and browsers. App passwords stay.
pub async fn sign_out(app: &App, by: &Moderator, account: &Account) -> Result<(), XrpcError> {
    app.store.sign_out_everywhere(account.id).await?;
    record(app, by, Action::SignOut, account.did.as_str(), []).await;
    Ok(())
}

/// Removes what signing in asks for besides the password, for an owner who has lost all of it, and tells them by mail.
pub async fn remove_second_factors(
    app: &App,
    by: &Moderator,
    account: &Account,
) -> Result<(), XrpcError> {
    if app.store.remove_second_factors(account.id).await? {
        mailing::tell_later(app, Text::default(), account, Event::FactorsRemoved, None);
    }
    record(app, by, Action::RemoveFactors, account.did.as_str(), []).await;
    Ok(())
}

/// Deletes the account with everything in it.
pub async fn delete(app: &App, by: &Moderator, account: &Account) -> Result<(), XrpcError> {
    removal::delete(app, account).await?;
    record(app, by, Action::Delete, account.did.as_str(), []).await;
    Ok(())
}

/// Sets what an account may take of the disk.
pub async fn set_quotas(
    app: &App,
    by: &Moderator,
    did: &Did,
    quotas: Quotas,
) -> Result<(), XrpcError> {
    app.store.set_quotas(did, quotas).await?;
    let notes =
        [(Note::BlobBytes, json!(quotas.blob_bytes)), (Note::RepoBytes, json!(quotas.repo_bytes))];
    record(app, by, Action::SetQuotas, did.as_str(), notes).await;
    Ok(())
}

/// Whether the account gets no more invite codes; those that it has stay good.
///
/// # Errors
/// 400 for a note that is too long.
pub async fn set_invites_disabled(
    app: &App,
    by: &Moderator,
    account: &Account,
    disabled: bool,
    note: Option<String>,
) -> Result<(), XrpcError> {
    check_note(note.as_deref())?;
    app.store.set_invites_disabled(account.id, disabled, note.clone()).await?;
    let action = if disabled { Action::DisableInvites } else { Action::EnableInvites };
    record(app, by, action, account.did.as_str(), [(Note::Reason, json!(note))]).await;
    Ok(())
}

/// Makes `count` invite codes for each owner (DIDs, or [`OPERATOR`]), grouped by owner.
///
/// # Errors
/// 400 for too many at once.
pub async fn make_invites(
    app: &App,
    by: &Moderator,
    count: u32,
    uses: u32,
    owners: Vec<String>,
) -> Result<Vec<(String, Vec<String>)>, XrpcError> {
    let wanted = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(owners.len());
    if wanted > MAX_CODES {
        return Err(XrpcError::invalid_request(format!("too many codes (at most {MAX_CODES})")));
    }
    let new = NewInviteCodes {
        hostname: app.config.hostname.clone(),
        count,
        uses,
        for_accounts: owners,
        created_by: OPERATOR.to_owned(),
    };
    let made = app.store.create_invite_codes(new).await?;
    for (owner, codes) in &made {
        let notes = [(Note::Codes, json!(codes.len())), (Note::Uses, json!(uses))];
        record(app, by, Action::MakeInvites, owner, notes).await;
    }
    Ok(made)
}

/// Disables codes, and all codes of the given accounts.
///
/// # Errors
/// 400 for all codes of the operator.
pub async fn disable_invites(
    app: &App,
    by: &Moderator,
    codes: Vec<String>,
    accounts: Vec<String>,
) -> Result<(), XrpcError> {
    if accounts.iter().any(|account| account == OPERATOR) {
        return Err(XrpcError::invalid_request("cannot disable admin invite codes"));
    }
    let changed = app.store.disable_invite_codes(codes.clone(), accounts.clone()).await?;
    if changed > 0 {
        for subject in codes.iter().chain(&accounts) {
            record(app, by, Action::DisableCodes, subject, []).await;
        }
    }
    Ok(())
}

fn check_note(note: Option<&str>) -> Result<(), XrpcError> {
    if note.is_some_and(|note| note.chars().count() > MAX_NOTE_CHARS) {
        let message = format!("note is too long (at most {MAX_NOTE_CHARS} characters)");
        return Err(XrpcError::invalid_request(message));
    }
    Ok(())
}
