//! `com.atproto.server.createSession`

use std::sync::Arc;

use cairn_store::{
    Account, AppPassword, Applicant, Factor, MailPurpose, MailTokenError, SecondFactors,
};
use serde::Deserialize;

use crate::App;
use crate::accounts::second_factor::{self, CodeRefusal};
use crate::accounts::session::{self, SessionAnswer};
use crate::accounts::{identifier, mailing, password};
use crate::auth::Anyone;
use crate::error::XrpcError;
use crate::limits::{Bucket, counted_as};
use crate::xrpc::{Cx, Input, Json, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSession {
    identifier: String,
    password: String,
    auth_factor_token: Option<String>,
    #[serde(default)]
    allow_takendown: bool,
}

/// How an account proved to be its owner's.
enum Proof {
    Password,
    AppPassword(AppPassword),
}

pub async fn create_session(
    cx: Cx<Anyone>,
    Input(input): Input<CreateSession>,
) -> Result<Json<SessionAnswer>> {
    let identifier = identifier::canonical(&input.identifier);
    cx.charge(Bucket::CreateSession, &format!("{identifier} {}", counted_as(cx.client_ip)), 1)?;

    let name = identifier::name(&identifier);
    let account = match &name {
        Some(name) => cx.app.store.account(name.clone()).await?,
        None => None,
    };
    if account.is_none()
        && let Some(name) = name
        && let Some(applicant) = cx.app.store.applicant(name).await?
    {
        return sign_in_waiting(&cx, &applicant, &input.password).await;
    }
    let Some((account, proof)) = prove(&cx.app, account, &input.password).await? else {
        cx.app.figures.counters.wrong_passwords.up();
        return Err(session::wrong_password());
    };
    let app_password = match proof {
        Proof::Password => None,
        Proof::AppPassword(password) => Some(password),
    };
    let is_blocked = session::is_blocked(&account);
    // An app password never opens an account that is taken down: what is left to do needs its owner.
    if is_blocked && (app_password.is_some() || !input.allow_takendown) {
        return Err(session::takedown_error());
    }
    if app_password.is_none() {
        check_second_factor(&cx, &account, input.auth_factor_token.as_deref()).await?;
    }
    let tokens = if is_blocked {
        session::takendown_tokens(&cx.app, &account)
    } else {
        session::open(&cx.app, &account, app_password, session::client_of(&cx)).await?
    };
    cx.app.figures.counters.sign_ins.up();
    Ok(Json(SessionAnswer::new(&cx.app, &account, Some(tokens)).await))
}

/// What the owner wants besides the password: a code of an authenticator app, a recovery code or a mailed code. Programs
/// cannot use passkeys.
///
/// # Errors
/// 401 `AuthFactorTokenRequired` when a code is missing, 401 `AppPasswordRequired` when there is none that would do; 400 for
/// a code that is not accepted; 429 after too many.
async fn check_second_factor(
    cx: &Cx<Anyone>,
    account: &Account,
    given: Option<&str>,
) -> Result<()> {
    let has = cx.app.store.second_factors(account.id).await?;
    if !has.are_needed() && !account.needs_mailed_code() {
        return Ok(());
    }
    let given = given.map(str::trim).filter(|given| !given.is_empty());
    let Some(given) = given else { return Err(missing(cx, account, has).await?) };
    for (bucket, key) in second_factor::guesses(account) {
        cx.charge(bucket, &key, 1)?;
    }
    let Some(refusal) = use_code(cx, account, has, given).await? else { return Ok(()) };
    let meant = match has {
        SecondFactors { totp: true, .. } => Factor::Totp,
        _ if account.needs_mailed_code() => Factor::MailedCode,
        _ => Factor::RecoveryCode,
    };
    cx.app.store.note_refused_factor(account.id, meant, session::client_of(cx)).await?;
    Err(refusal)
}

/// Uses a code for whatever it is. Returns why it is not accepted, if it is not.
async fn use_code(
    cx: &Cx<Anyone>,
    account: &Account,
    has: SecondFactors,
    given: &str,
) -> Result<Option<XrpcError>> {
    if has.totp {
        match second_factor::use_totp(&cx.app, account, given).await? {
            Ok(()) => return Ok(None),
            Err(CodeRefusal::Used) => {
                let text = "This code was used: wait for the next one";
                return Ok(Some(XrpcError::expired_token(text)));
            }
            Err(CodeRefusal::Wrong) => {}
        }
    }
    let client = session::client_of(cx);
    if has.are_needed()
        && second_factor::use_recovery_code(&cx.app, cx.text(), account, given, client).await?
    {
        return Ok(None);
    }
    if !account.needs_mailed_code() {
        return Ok(Some(mailing::refused(MailTokenError::Invalid)));
    }
    match cx.app.store.use_mail_token(account.id, MailPurpose::SignIn, given).await {
        Ok(()) => Ok(None),
        Err(MailTokenError::Store(err)) => Err(err.into()),
        Err(refused) => Ok(Some(mailing::refused(refused))),
    }
}

/// What is said to a client that has sent no code. A code is mailed if that is what is asked for first.
async fn missing(cx: &Cx<Anyone>, account: &Account, has: SecondFactors) -> Result<XrpcError> {
    const NEEDED: &str = "AuthFactorTokenRequired";
    if has.totp {
        return Ok(XrpcError::unauthorized(
            NEEDED,
            "Enter the code of your authenticator app, or a recovery code",
        ));
    }
    if !account.needs_mailed_code() {
        return Ok(XrpcError::unauthorized(
            "AppPasswordRequired",
            "This account signs in with a passkey, which this app cannot use: make an app password on your account's page",
        ));
    }
    cx.charge(Bucket::SignInMail, account.did.as_str(), 1)?;
    mailing::send_token(&cx.app, cx.text(), account, MailPurpose::SignIn).await?;
    Ok(XrpcError::unauthorized(NEEDED, "A sign in code has been sent to your email address"))
}

/// Somebody whose account waits for approval sees how it stands, and no more.
async fn sign_in_waiting(
    cx: &Cx<Anyone>,
    applicant: &Applicant,
    given: &str,
) -> Result<Json<SessionAnswer>> {
    if !password::verify(&cx.app, given, applicant.password_hash.as_deref()).await? {
        cx.app.figures.counters.wrong_passwords.up();
        return Err(session::wrong_password());
    }
    let tokens = session::open_waiting(&cx.app, applicant, session::client_of(cx)).await?;
    Ok(Json(SessionAnswer::waiting(applicant, Some(tokens))))
}

/// Checks the password against the account's own and its app passwords, with the same work when there is no account.
async fn prove(
    app: &App,
    account: Option<Arc<Account>>,
    given: &str,
) -> Result<Option<(Arc<Account>, Proof)>> {
    let stored = account.as_ref().and_then(|account| account.password_hash.as_deref());
    let is_own = password::verify(app, given, stored).await?;
    let Some(account) = account else { return Ok(None) };
    if is_own {
        return Ok(Some((account, Proof::Password)));
    }
    let app_password = app.store.check_app_password(account.id, given).await?;
    Ok(app_password.map(|password| (account, Proof::AppPassword(password))))
}
