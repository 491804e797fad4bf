//! `/account/u/{account}/data/delete`: the end of an account, by its owner. A code by mail, the password or else a passkey, and
//! the handle typed out: three chances to think again.

use askama::Template;
use cairn_model::Handle;
use cairn_store::{Account, MailPurpose, MailTokenError};

use super::super::super::browser::Leaving;
use super::super::super::error::PageError;
use super::super::super::form::Form;
use super::super::super::i18n::{Flash, Text};
use super::super::super::local::Local;
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use super::super::owner;
use super::super::passkey::{Act, Ask};
use super::code;
use crate::accounts::removal::{self, Doubt};
use crate::limits::Bucket;

#[derive(Template)]
#[template(path = "account/data/delete.html")]
struct Delete {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    /// What is to be typed.
    typed: String,
    email: Option<String>,
    has_password: bool,
    /// What is asked for in the place of a password.
    ask: Option<Ask>,
    /// Whether a code is on its way, or was.
    was_sent: bool,
}

impl Delete {
    async fn new(visit: &Visit, form: Form, was_sent: bool) -> Result<Self, PageError> {
        let account = &visit.account()?.account;
        let mut page = visit.page(visit.t.delete_title());
        let mut ask = None;
        if was_sent {
            ask = owner::ask(visit, account, Act::Delete, &mut page).await?;
        }
        Ok(Self {
            page,
            t: visit.t,
            form,
            base: Local::of_account(&account.did, "/data").to_string(),
            typed: typed(account).to_owned(),
            email: account.email.clone(),
            has_password: account.password_hash.is_some(),
            ask,
            was_sent,
        })
    }
}

/// The handle, or for want of one the DID.
fn typed(account: &Account) -> &str {
    account.handle.as_ref().map_or(account.did.as_str(), Handle::as_str)
}

pub async fn show(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    visit.html(&Delete::new(&visit, Form::new(), visit.query.has("sent")).await?)
}

pub async fn submit(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    if visit.form.has("send") {
        return send(&visit).await;
    }
    let (t, account) = (visit.t, &visit.account()?.account);
    let mut form = Form::of(&visit.form, &["code", "name"]);
    form.require(&visit.form, "code", t.delete_code_missing());
    if account.password_hash.is_some() && visit.form.exact("password").is_empty() {
        form.refuse("password", t.delete_password_missing());
    }
    if !visit.form.get("name").eq_ignore_ascii_case(typed(account)) {
        form.refuse("name", t.delete_other(typed(account)));
    }
    if !form.is_refused() {
        match doubt(&visit, account).await? {
            None => match owner::check(&visit, account, Act::Delete).await? {
                None => return end(&visit, account).await,
                Some(trouble) => form.refuse("", trouble),
            },
            Some(Doubt::Password) => form.refuse("password", t.delete_password_wrong()),
            Some(Doubt::Code(MailTokenError::Expired)) => {
                form.refuse("code", t.data_code_too_old());
            }
            Some(Doubt::Code(_)) => form.refuse("code", t.data_code_wrong()),
        }
    }
    visit.refused(&Delete::new(&visit, form, true).await?)
}

async fn send(visit: &Visit) -> PageResult {
    let (purpose, bucket) = (MailPurpose::DeleteAccount, Bucket::RequestAccountDelete);
    match code::send(visit, purpose, bucket, "/data/delete?sent=1").await? {
        Ok(response) => Ok(response),
        Err(trouble) => {
            let mut form = Form::new();
            form.refuse("", trouble);
            visit.refused(&Delete::new(visit, form, false).await?)
        }
    }
}

async fn doubt(visit: &Visit, account: &Account) -> Result<Option<Doubt>, PageError> {
    let (app, code) = (&visit.app, visit.form.get("code"));
    if account.password_hash.is_none() {
        return Ok(removal::doubt_code(app, account, code).await?);
    }
    Ok(removal::doubt(app, Some(account), visit.form.exact("password"), code).await?)
}

async fn end(visit: &Visit, account: &Account) -> PageResult {
    removal::delete(&visit.app, account).await?;
    visit.sign_out(Some(account.did.as_str()), Leaving::ForGood).await?;
    visit.redirect_saying("/account/sign-in", Flash::AccountDeleted)
}
