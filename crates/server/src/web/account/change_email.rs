//! `/account/u/{account}/email/change`: another address. A confirmed one is changed only by whoever reads its mail.

use std::sync::Arc;

use askama::Template;
use cairn_store::{Account, AccountRef, MailPurpose, MailTokenError, SetEmailError};

use super::super::error::PageError;
use super::super::form::Form;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::alert;
use super::email::after_mail;
use crate::accounts::{create, email, mailing};
use crate::limits::Bucket;
use crate::mail::letters::Event;

#[derive(Template)]
#[template(path = "account/change_email.html")]
struct ChangeEmail {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    /// The address that is to agree; none if nobody has shown to read it.
    confirmed: Option<String>,
    /// Whether a code is on its way there.
    was_sent: bool,
}

impl ChangeEmail {
    fn new(visit: &Visit, form: Form) -> Result<Self, PageError> {
        let account = &visit.account()?.account;
        Ok(Self {
            page: visit.page(visit.t.email_change_title()),
            t: visit.t,
            was_sent: visit.query.has("sent") || form.is_refused(),
            form,
            base: Local::of_account(&account.did, "").to_string(),
            confirmed: confirmed(account).map(str::to_owned),
        })
    }
}

fn confirmed(account: &Account) -> Option<&str> {
    account.email.as_deref().filter(|_| account.email_confirmed_at.is_some())
}

pub async fn show(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    visit.html(&ChangeEmail::new(&visit, Form::new())?)
}

/// Mails a code to the present address.
pub async fn send(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let account = &visit.account()?.account;
    visit.charge(Bucket::RequestEmailUpdate, account.did.as_str())?;
    let sent = mailing::send_token(&visit.app, visit.t, account, MailPurpose::UpdateEmail).await;
    after_mail(&visit, Local::of_account(&account.did, "/email/change?sent=1"), sent)
}

pub async fn submit(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let account = &visit.account()?.account;
    let mut form = Form::of(&visit.form, &["email"]);
    let Some(new) = check(&visit, account, &mut form).await? else {
        return visit.refused(&ChangeEmail::new(&visit, form)?);
    };
    match visit.app.store.set_email(account.id, Some(new)).await {
        Ok(()) => {}
        Err(SetEmailError::Taken) => {
            form.refuse("email", visit.t.email_taken());
            return visit.refused(&ChangeEmail::new(&visit, form)?);
        }
        Err(err) => return Err(err.into()),
    }
    if confirmed(account).is_some() {
        alert::tell(&visit, account, Event::NewEmail);
    }
    welcome(&visit, account).await
}

/// The new address, if it can be had and the code of the old one is right; the form says what is wrong.
async fn check(
    visit: &Visit,
    account: &Account,
    form: &mut Form,
) -> Result<Option<String>, PageError> {
    let t = visit.t;
    let new = visit.form.get("email").to_lowercase();
    if !email::is_plausible(&new) {
        form.refuse("email", t.sign_up_email_syntax());
    } else if account.email.as_deref() == Some(new.as_str()) {
        form.refuse("email", t.email_same());
    } else if email::parse_chosen(&new, &visit.app.config.disposable_domains).is_err() {
        form.refuse("email", t.sign_up_email_disposable());
    }
    let store = &visit.app.store;
    let (purpose, code) = (MailPurpose::UpdateEmail, visit.form.get("code"));
    let is_code_asked = confirmed(account).is_some();
    if is_code_asked {
        form.require(&visit.form, "code", t.reset_code_missing());
        if !form.is_refused() {
            judge(store.check_mail_token(account.id, purpose, code).await, t, form)?;
        }
    }
    // Whether an address is somebody's, whoever cannot change theirs does not learn.
    if !form.is_refused() && create::is_held(&visit.app, AccountRef::Email(new.clone())).await? {
        form.refuse("email", t.email_taken());
    }
    // A code serves once: not for an address that cannot be had anyway.
    if is_code_asked && !form.is_refused() {
        judge(store.use_mail_token(account.id, purpose, code).await, t, form)?;
    }
    Ok(Some(new).filter(|_| !form.is_refused()))
}

fn judge(token: Result<(), MailTokenError>, t: Text, form: &mut Form) -> Result<(), PageError> {
    match token {
        Ok(()) => {}
        Err(MailTokenError::Invalid) => form.refuse("code", t.email_code_wrong()),
        Err(MailTokenError::Expired) => form.refuse("code", t.email_code_too_old()),
        Err(MailTokenError::Store(err)) => return Err(err.into()),
    }
    Ok(())
}

/// Asks the new address for a sign of life.
async fn welcome(visit: &Visit, before: &Arc<Account>) -> PageResult {
    let to = Local::of_account(&before.did, "/email?sent=1");
    let is_much = visit.charge(Bucket::RequestEmailConfirmation, before.did.as_str()).is_err();
    if is_much {
        // The address is changed all the same; a code for it can be had later.
        return visit.redirect_warning(to, Flash::EmailChangedOften);
    }
    if let Some(account) = visit.app.store.account(before.id).await? {
        mailing::send_later(&visit.app, visit.t, account, MailPurpose::ConfirmEmail);
    }
    if visit.app.mailer.is_configured() {
        visit.redirect_saying(to, Flash::EmailChanged)
    } else {
        visit.redirect_warning(to, Flash::EmailChangedAtOperator)
    }
}
