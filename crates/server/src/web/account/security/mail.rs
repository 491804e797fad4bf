//! `/account/u/{account}/security/mail`: whether signing in takes a mailed code.

use askama::Template;

use crate::mail::letters::Event;

use super::super::super::form::Form;
use super::super::super::i18n::{Flash, Text};
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use super::super::alert;

#[derive(Template)]
#[template(path = "account/security/mail.html")]
struct MailedCodes {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    /// Where an address is confirmed.
    email_url: String,
    email: String,
    is_on: bool,
    is_confirmed: bool,
    /// Whether turning it off leaves the password alone.
    is_last: bool,
}

impl MailedCodes {
    async fn new(visit: &Visit, form: Form) -> Result<Self, super::super::super::error::PageError> {
        let account = &visit.account()?.account;
        Ok(Self {
            page: visit.page(visit.t.mailed_title()),
            t: visit.t,
            form,
            base: visit.account_page("/security")?.to_string(),
            email_url: visit.account_page("/email")?.to_string(),
            email: account.email.clone().unwrap_or_default(),
            is_on: account.needs_mailed_code(),
            is_confirmed: account.email.is_some() && account.email_confirmed_at.is_some(),
            is_last: super::is_last(visit, 0).await?,
        })
    }
}

pub async fn show(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    visit.html(&MailedCodes::new(&visit, Form::new()).await?)
}

pub async fn submit(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let account = &visit.account()?.account;
    let wanted = visit.form.has("on");
    if wanted && account.email_confirmed_at.is_none() {
        let mut form = Form::new();
        form.refuse("", visit.t.mailed_unconfirmed());
        return visit.refused(&MailedCodes::new(&visit, form).await?);
    }
    let client = alert::client_of(&visit);
    visit.app.store.set_email_auth_factor(account.id, wanted, client).await?;
    let (event, flash) = if wanted {
        (Event::MailedCodesOn, Flash::MailedOn)
    } else {
        (Event::MailedCodesOff, Flash::MailedOff)
    };
    if wanted != account.email_auth_factor {
        alert::tell(&visit, account, event);
    }
    visit.redirect_saying(visit.account_page("/security")?, flash)
}
