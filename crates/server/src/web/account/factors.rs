//! What an account wants besides its password.
//!
//! A method is begun (a code is mailed, a challenge is made) and then checked. The sign-in page asks for the first of those that
//! the account needs.

use cairn_store::{Account, Factor, MailPurpose, MailTokenError};

use crate::accounts::mailing;
use crate::error::XrpcError;
use crate::limits::Bucket;

use super::super::visit::Visit;

/// A way to show a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A code that is mailed to the account's address.
    Mail,
}

/// The methods that the account asks for, the one to offer first at the front; empty if the password is enough.
pub fn needed(account: &Account) -> Vec<Method> {
    if account.needs_mailed_code() { vec![Method::Mail] } else { Vec::new() }
}

/// Does what has to happen before the person can show the factor.
///
/// # Errors
/// 429 after too many mails, 502 when the mail server does not take one.
pub async fn begin(visit: &Visit, account: &Account, method: Method) -> Result<(), XrpcError> {
    match method {
        Method::Mail => {
            visit.charge(Bucket::SignInMail, account.did.as_str())?;
            mailing::send_token(&visit.app, visit.t, account, MailPurpose::SignIn).await
        }
    }
}

/// Why a factor is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Wrong,
    /// It was right, some time ago.
    TooOld,
}

/// Whether what was given is right, and what it counts as.
///
/// # Errors
/// Faults of the store.
pub async fn check(
    visit: &Visit,
    account: &Account,
    method: Method,
    given: &str,
) -> Result<Result<Factor, Refusal>, XrpcError> {
    match method {
        Method::Mail => {
            let store = &visit.app.store;
            match store.use_mail_token(account.id, MailPurpose::SignIn, given).await {
                Ok(()) => Ok(Ok(Factor::MailedCode)),
                Err(MailTokenError::Invalid) => Ok(Err(Refusal::Wrong)),
                Err(MailTokenError::Expired) => Ok(Err(Refusal::TooOld)),
                Err(MailTokenError::Store(err)) => Err(err.into()),
            }
        }
    }
}
