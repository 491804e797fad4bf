//! What an account wants besides its password.
//!
//! A method is begun (a code is mailed) and then checked. The sign-in page asks for the first of those that the account
//! has, and offers the others.

use cairn_store::{Account, Factor, MailPurpose, MailTokenError};

use crate::accounts::mailing;
use crate::accounts::second_factor::{self, CodeRefusal};
use crate::error::XrpcError;
use crate::limits::Bucket;

use super::super::browser::SignedIn;
use super::super::i18n::Text;
use super::super::icon::{self, Icon};
use super::super::visit::Visit;
use super::alert;
use super::passkey::{self, Purpose};
use super::trusted;

/// A way to show a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Passkey,
    /// A code of an authenticator app.
    Totp,
    /// A code that is mailed to the account's address.
    Mail,
    /// One of the codes that the owner has put away.
    Recovery,
}

impl Method {
    const ALL: [Self; 4] = [Self::Passkey, Self::Totp, Self::Mail, Self::Recovery];

    /// In addresses and forms.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::Totp => "app",
            Self::Mail => "mail",
            Self::Recovery => "recovery",
        }
    }

    pub fn icon(self) -> Icon {
        match self {
            Self::Passkey => icon::KEY,
            Self::Totp => icon::DEVICE,
            Self::Mail => icon::MAIL,
            Self::Recovery => icon::LIST,
        }
    }

    /// How it is offered beside another.
    pub fn offer(self, t: Text) -> &'static str {
        match self {
            Self::Passkey => t.second_factor_offer_passkey(),
            Self::Totp => t.second_factor_offer_app(),
            Self::Mail => t.second_factor_offer_mail(),
            Self::Recovery => t.second_factor_offer_recovery(),
        }
    }

    /// What counts as shown with it.
    pub fn factor(self) -> Factor {
        match self {
            Self::Passkey => Factor::Passkey,
            Self::Totp => Factor::Totp,
            Self::Mail => Factor::MailedCode,
            Self::Recovery => Factor::RecoveryCode,
        }
    }

    /// Whether a browser can be trusted once it has shown this. Who needs a recovery code has lost something.
    pub fn may_be_trusted(self) -> bool {
        self != Self::Recovery
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

/// The methods that the account can be shown with, the one to offer first at the front; empty if the password is enough.
///
/// # Errors
/// When the store cannot be read.
pub async fn offered(visit: &Visit, account: &Account) -> Result<Vec<Method>, XrpcError> {
    let has = visit.app.store.second_factors(account.id).await?;
    let can = |method: &Method| match method {
        Method::Passkey => has.passkeys > 0,
        Method::Totp => has.totp,
        Method::Mail => account.needs_mailed_code(),
        Method::Recovery => has.are_needed() && has.recovery_codes > 0,
    };
    Ok(Method::ALL.into_iter().filter(can).collect())
}

/// Whether a sign-in has shown as much as the account asks for today. A browser that is trusted has not.
///
/// # Errors
/// When the store cannot be read.
pub async fn are_shown(visit: &Visit, signed_in: &SignedIn) -> Result<bool, XrpcError> {
    Ok(signed_in.factors.iter().any(|factor| factor.is_second())
        || offered(visit, &signed_in.account).await?.is_empty())
}

/// The same where a browser that is trusted with the second factor still is enough: letting an app in, but not changing
/// what signing in takes.
///
/// # Errors
/// When the store cannot be read.
pub async fn are_shown_or_trusted(visit: &Visit, signed_in: &SignedIn) -> Result<bool, XrpcError> {
    let leans_on_trust = signed_in.factors.contains(&Factor::TrustedBrowser);
    Ok(are_shown(visit, signed_in).await?
        || leans_on_trust && trusted::is_here(visit, &signed_in.account).await?)
}

/// Does what has to happen before the person can show the factor.
///
/// # Errors
/// 429 after too many mails, 502 when the mail server does not take one.
pub async fn begin(visit: &Visit, account: &Account, method: Method) -> Result<(), XrpcError> {
    if method != Method::Mail {
        return Ok(());
    }
    visit.charge(Bucket::SignInMail, account.did.as_str())?;
    mailing::send_token(&visit.app, visit.t, account, MailPurpose::SignIn).await
}

/// Why a factor is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Wrong,
    /// It was right, some time ago.
    TooOld,
    /// It was right, and used before.
    Used,
    Passkey(passkey::Refusal),
}

impl Refusal {
    /// Whether somebody has tried what is not right; else they were only slow, or their browser failed.
    pub fn is_a_try(self) -> bool {
        match self {
            Self::Wrong | Self::Used => true,
            Self::TooOld | Self::Passkey(passkey::Refusal::TooLate | passkey::Refusal::Broken) => {
                false
            }
            Self::Passkey(_) => true,
        }
    }

    pub fn words(self, t: Text, method: Method) -> &'static str {
        match (self, method) {
            (Self::Passkey(refusal), _) => refusal.words(t),
            (Self::Used, _) => t.second_factor_used(),
            (Self::TooOld, _) => t.second_factor_too_old(),
            (Self::Wrong, Method::Recovery) => t.second_factor_wrong_recovery(),
            (Self::Wrong, Method::Totp) => t.second_factor_wrong_app(),
            (Self::Wrong, Method::Mail | Method::Passkey) => t.second_factor_wrong(),
        }
    }
}

/// Whether what the form has is right, and what it counts as.
///
/// # Errors
/// 429 after too many guesses, and faults of the store.
pub async fn check(
    visit: &Visit,
    account: &Account,
    method: Method,
) -> Result<Result<Factor, Refusal>, XrpcError> {
    if method == Method::Passkey {
        // No guess: what has the key's signature is right.
        let used = passkey::check(visit, Purpose::SecondFactor(account)).await?;
        return Ok(used.map(|_| Factor::Passkey).map_err(Refusal::Passkey));
    }
    for (bucket, key) in second_factor::guesses(account) {
        visit.charge(bucket, &key)?;
    }
    let given = visit.form.get("code");
    match method {
        Method::Totp => {
            let used = second_factor::use_totp(&visit.app, account, given).await?;
            Ok(used.map(|()| Factor::Totp).map_err(|refusal| match refusal {
                CodeRefusal::Wrong => Refusal::Wrong,
                CodeRefusal::Used => Refusal::Used,
            }))
        }
        Method::Recovery => {
            let client = alert::client_of(visit);
            let used =
                second_factor::use_recovery_code(&visit.app, visit.t, account, given, client);
            Ok(if used.await? { Ok(Factor::RecoveryCode) } else { Err(Refusal::Wrong) })
        }
        Method::Mail | Method::Passkey => {
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
