//! Passwords: argon2id, hashed and checked on the bounded blocking pool.
//!
//! The parameters are OWASP's second recommendation (19 MiB, two passes, one lane), which is also what a check
//! costs when there is no such account: an answer's time does not say whether an account exists.

use std::sync::LazyLock;

use cairn_store::{EndSessions, MailTokenError, SessionClient};
use zeroize::Zeroizing;

use super::mailing;
use crate::App;
use crate::argon::{self, matches};
use crate::error::XrpcError;
use crate::i18n::Text;
use crate::mail::letters::Event;

/// Longest password that can be set. Interop: the limit of the reference implementation.
const MAX_NEW_BYTES: usize = 256;
/// Shortest password that can be set on a page.
const MIN_CHOSEN_CHARS: usize = 8;
/// Longest password that is looked at when signing in.
const MAX_CHECKED_BYTES: usize = 512;

/// Why a password cannot be set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("Password is required")]
    Empty,
    #[error("Password is too long (maximum 256 bytes)")]
    TooLong,
    #[error("Password is too short (minimum 8 characters)")]
    TooShort,
}

/// Checked against when an account has no password, so that the work done is the same.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| argon::hash(b"no account has this password").unwrap_or_default());

/// Whether `password` may become the password of an account.
pub fn check_new(password: &str) -> Result<(), PasswordError> {
    if password.is_empty() {
        return Err(PasswordError::Empty);
    }
    if password.len() > MAX_NEW_BYTES {
        return Err(PasswordError::TooLong);
    }
    Ok(())
}

/// Whether a person may choose `password` on a page: long enough to be worth something (NIST SP 800-63B §3.1.1.2).
///
/// Interop: methods take any, as in the reference implementation.
pub fn check_chosen(password: &str) -> Result<(), PasswordError> {
    check_new(password)?;
    if password.chars().count() < MIN_CHOSEN_CHARS { Err(PasswordError::TooShort) } else { Ok(()) }
}

/// The PHC string to store for `password`.
///
/// # Errors
/// 400 for a password that [`check_new`] refuses.
pub async fn hash(app: &App, password: &str) -> Result<String, XrpcError> {
    check_new(password).map_err(|err| XrpcError::invalid_request(err.to_string()))?;
    let password = Zeroizing::new(password.as_bytes().to_vec());
    let hash = app.run_blocking(move || argon::hash(&password)).await?;
    hash.map_err(|err| XrpcError::internal(err.to_string()))
}

/// What ends with a change of the password by somebody who is not signed in.
pub fn ending(app_passwords: bool) -> EndSessions {
    if app_passwords { EndSessions::AllWithAppPasswords { except: None } } else { EndSessions::All }
}

/// A password to set by whoever shows a code that was mailed to the account.
pub struct Reset<'a> {
    pub code: &'a str,
    pub password: &'a str,
    /// Whether app passwords end, too, and not only what is signed in.
    pub app_passwords: bool,
}

/// Sets a password with a mailed code, ends all sessions, and tells the owner by mail.
///
/// # Errors
/// 400 for a password that [`check_new`] refuses, and faults of the store. Inside, why the code is not taken.
pub async fn reset(
    app: &App,
    t: Text,
    reset: Reset<'_>,
    client: SessionClient,
) -> Result<Result<(), MailTokenError>, XrpcError> {
    let hash = hash(app, reset.password).await?;
    let ended = ending(reset.app_passwords);
    let id = match app.store.reset_password(reset.code, hash, ended, client.clone()).await {
        Ok(id) => id,
        Err(MailTokenError::Store(err)) => return Err(err.into()),
        Err(refused) => return Ok(Err(refused)),
    };
    if let Some(account) = app.store.account(id).await? {
        mailing::tell_later(app, t, &account, Event::PasswordReset, Some(client));
    }
    Ok(Ok(()))
}

/// Whether `password` is the one that `stored` was made of; without a stored hash `false`, after the same work.
pub async fn verify(app: &App, password: &str, stored: Option<&str>) -> Result<bool, XrpcError> {
    if password.len() > MAX_CHECKED_BYTES {
        return Ok(false);
    }
    let password = Zeroizing::new(password.as_bytes().to_vec());
    let stored = stored.map(str::to_owned);
    app.run_blocking(move || match stored {
        Some(stored) => matches(&password, &stored),
        None => {
            matches(&password, &NOBODY);
            false
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_for_nobody_is_a_real_hash() {
        assert!(matches(b"no account has this password", &NOBODY));
    }

    #[test]
    fn passwords_are_bounded() {
        assert_eq!(check_new(""), Err(PasswordError::Empty));
        assert_eq!(check_new(&"x".repeat(257)), Err(PasswordError::TooLong));
        assert_eq!(check_new(&"x".repeat(256)), Ok(()));
    }
}
