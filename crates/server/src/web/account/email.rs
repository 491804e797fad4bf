//! `/account/u/{account}/email`: the address, and showing that its mail is read.

use askama::Template;
use cairn_store::MailPurpose;

use super::super::form::Form;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::confirm_email;
use crate::accounts::mailing;
use crate::error::XrpcError;
use crate::limits::Bucket;

#[derive(Template)]
#[template(path = "account/email.html")]
struct Email {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    email: Option<String>,
    is_confirmed: bool,
    /// Whether a code was just sent.
    was_sent: bool,
}

impl Email {
    fn new(visit: &Visit, form: Form) -> Result<Self, super::super::error::PageError> {
        let account = &visit.account()?.account;
        Ok(Self {
            page: visit.page(visit.t.email_title()),
            t: visit.t,
            form,
            base: Local::of_account(&account.did, "").to_string(),
            email: account.email.clone(),
            is_confirmed: account.email_confirmed_at.is_some(),
            was_sent: visit.query.has("sent"),
        })
    }
}

pub async fn show(visit: Visit) -> PageResult {
    visit.html(&Email::new(&visit, Form::new())?)
}

/// Mails a code to confirm the address with.
pub async fn send(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    visit.charge(Bucket::RequestEmailConfirmation, account.did.as_str())?;
    let sent = mailing::send_token(&visit.app, visit.t, account, MailPurpose::ConfirmEmail).await;
    after_mail(&visit, Local::of_account(&account.did, "/email?sent=1"), sent)
}

pub async fn confirm(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let mut form = Form::new();
    if confirm_email::try_code(&visit, account, &mut form).await? {
        let back = Local::of_account(&account.did, "/email");
        return visit.redirect_saying(back, Flash::EmailConfirmed);
    }
    visit.refused(&Email::new(&visit, form)?)
}

/// Goes on after a mail with a code was handed over, and says where it is.
///
/// # Errors
/// What kept the mail from being written at all.
pub fn after_mail(visit: &Visit, to: Local, sent: Result<(), XrpcError>) -> PageResult {
    match sent {
        Ok(()) if !visit.app.mailer.is_configured() => {
            visit.redirect_warning(to, Flash::MailAtOperator)
        }
        Ok(()) => visit.redirect_saying(to, Flash::CodeMailed),
        // The mail server does not take it.
        Err(err) if err.name() == "UpstreamFailure" => {
            tracing::warn!(error = %err, "a mail with a code was not sent");
            visit.redirect_warning(to, Flash::MailWaits)
        }
        // Those that were mailed before are good.
        Err(err) if err.name() == "RateLimitExceeded" => {
            visit.redirect_warning(to, Flash::MailEnough)
        }
        Err(err) => Err(err.into()),
    }
}
