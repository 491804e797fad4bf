//! One-time codes and recovery codes at the moment of their use. Who guesses is counted by the callers
//! ([`guesses`]).

use cairn_factors::totp;
use cairn_store::{Account, SessionClient};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::mailing;
use crate::App;
use crate::error::XrpcError;
use crate::i18n::Text;
use crate::limits::Bucket;
use crate::mail::letters::Event;

/// What a guess costs a point of each.
pub fn guesses(account: &Account) -> [(Bucket, String); 2] {
    let did = account.did.as_str();
    let password = account.password_hash.as_deref().unwrap_or_default();
    let password = HEXLOWER.encode(&Sha256::digest(password)[..8]);
    [(Bucket::SecondFactor, format!("{did} {password}")), (Bucket::SecondFactorDay, did.to_owned())]
}

/// Why a one-time code is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeRefusal {
    Wrong,
    /// It was right, and used before.
    Used,
}

/// Uses a code of the authenticator app that the account has set up.
///
/// # Errors
/// Faults of the store.
pub async fn use_totp(
    app: &App,
    account: &Account,
    typed: &str,
) -> Result<Result<(), CodeRefusal>, XrpcError> {
    let found = app.store.totp(account.id).await?.filter(|totp| totp.confirmed_at.is_some());
    let Some(totp) = found else { return Ok(Err(CodeRefusal::Wrong)) };
    let Some(step) = totp::step_of(&totp.secret, typed, app.now_seconds()) else {
        return Ok(Err(CodeRefusal::Wrong));
    };
    let is_first = app.store.use_totp_step(account.id, &totp, step).await?;
    Ok(if is_first { Ok(()) } else { Err(CodeRefusal::Used) })
}

/// Uses a recovery code, and tells the owner by mail who did. Returns false if it is not one of the account's or was used
/// before.
///
/// # Errors
/// Faults of the store.
pub async fn use_recovery_code(
    app: &App,
    t: Text,
    account: &Account,
    typed: &str,
    client: SessionClient,
) -> Result<bool, XrpcError> {
    let is_used = app.store.use_recovery_code(account.id, typed).await?;
    if is_used {
        mailing::tell_later(app, t, account, Event::RecoveryCodeUsed, Some(client));
    }
    Ok(is_used)
}
