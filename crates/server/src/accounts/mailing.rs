//! Mails that prove that someone reads an account's mailbox.

use std::sync::Arc;

use cairn_model::Did;
use cairn_store::{Account, MailPurpose, MailTokenError, SessionClient};

use super::identifier;
use crate::App;
use crate::error::XrpcError;
use crate::i18n::Text;
use crate::mail::letters::{self, Alert, Code, Event};
use crate::mail::{Mail, MailError, post};

/// Makes a token and mails it to the account's address. On a server that cannot send mail the operator finds it in the
/// outbox.
///
/// # Errors
/// 400 for an account without an address that mail can be sent to, 502 when the mail server does not take it.
pub async fn send_token(
    app: &App,
    t: Text,
    account: &Account,
    purpose: MailPurpose,
) -> Result<(), XrpcError> {
    let Some(to) = account.email.as_deref() else {
        return Err(XrpcError::invalid_request("Account does not have an email address"));
    };
    let Some(token) = app.store.create_mail_token(account.id, to, purpose).await? else {
        return Err(XrpcError::invalid_request("The account has another email address by now"));
    };
    let handle = super::identity::shown_handle(account);
    let code = Code { purpose, did: &account.did, handle: &handle, code: &token };
    let mail = letters::code(&app.config, t, to, &code, app.clock.now());
    post(app, mail).await.map_err(not_sent)
}

/// Mails a code to set a new password with, if there is such an account. Neither the answer nor the time that it takes
/// says whether there is: the mail goes out afterwards.
///
/// # Errors
/// When the store cannot be read.
pub async fn send_reset_token(app: &App, t: Text, canonical: &str) -> Result<(), XrpcError> {
    if let Some(account) = identifier::find(app, canonical).await? {
        send_later(app, t, account, MailPurpose::ResetPassword);
    }
    Ok(())
}

/// Makes and mails a token once the present request is answered.
pub fn send_later(app: &App, t: Text, account: Arc<Account>, purpose: MailPurpose) {
    let task_app = app.clone();
    app.tasks.spawn(async move {
        if let Err(error) = send_token(&task_app, t, &account, purpose).await {
            tracing::warn!(did = %account.did, %error, "a mail with a code was not sent");
        }
    });
}

/// Tells the owner of an event once the present request is answered. `client` is who did it, where that is their own
/// business to know. An account without an address gets no letter.
pub fn tell_later(
    app: &App,
    t: Text,
    account: &Account,
    event: Event,
    client: Option<SessionClient>,
) {
    let Some(to) = account.email.as_deref() else { return };
    let handle = super::identity::shown_handle(account);
    let alert = Alert { event, handle: &handle, client: client.as_ref() };
    post_later(app, &account.did, letters::alert(&app.config, t, to, &alert, app.clock.now()));
}

/// Mails the owner of an account once the present request is answered; nothing depends on it.
pub fn post_later(app: &App, did: &Did, mail: Mail) {
    let (task_app, did) = (app.clone(), did.clone());
    app.tasks.spawn(async move {
        let subject = mail.subject.clone();
        if let Err(error) = post(&task_app, mail).await {
            tracing::warn!(%did, subject, %error, "the owner was not told");
        }
    });
}

/// What a client is told about a mail that was not sent.
pub fn not_sent(err: impl Into<Arc<MailError>>) -> XrpcError {
    let err = err.into();
    match *err {
        MailError::NotConfigured => {
            XrpcError::invalid_request("This server cannot send mail: ask its operator")
        }
        MailError::Message(_) => XrpcError::invalid_request(
            "The mail cannot be written: the address or the content is unusable",
        ),
        MailError::Smtp(_) | MailError::Sendmail(_) => {
            XrpcError::upstream_failure("The mail could not be sent").because(err)
        }
    }
}

/// What a client is told about a token that is not accepted.
pub fn refused(err: MailTokenError) -> XrpcError {
    match err {
        MailTokenError::Invalid => XrpcError::invalid_token("Token is invalid"),
        MailTokenError::Expired => XrpcError::expired_token("Token is expired"),
        MailTokenError::Store(err) => err.into(),
    }
}
