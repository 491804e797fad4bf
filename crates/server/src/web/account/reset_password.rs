//! `/account/reset-password`: a mail with a code, and with it a new password.

use askama::Template;
use cairn_store::MailTokenError;

use crate::accounts::password::{PasswordError, Reset};
use crate::accounts::{identifier, mailing, password};

use super::super::error::PageError;
use super::super::form::{Fields, Form};
use super::super::i18n::{Flash, Text};
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::alert;

#[derive(Template)]
#[template(path = "account/reset_password.html")]
struct Request {
    page: Page,
    t: Text,
    form: Form,
}

#[derive(Template)]
#[template(path = "account/reset_password_confirm.html")]
struct Confirm {
    page: Page,
    t: Text,
    form: Form,
    /// Whether the person comes from the first page, not from the mail.
    was_sent: bool,
}

impl Request {
    fn new(visit: &Visit, form: Form) -> Self {
        Self { page: visit.page(visit.t.reset_title()), t: visit.t, form }
    }
}

impl Confirm {
    fn new(visit: &Visit, form: Form) -> Self {
        let page = visit.page(visit.t.reset_confirm_title());
        Self { page, t: visit.t, form, was_sent: visit.query.has("sent") }
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let mut form = Form::new();
    form.set("username", visit.query.get("login_hint"));
    visit.html(&Request::new(&visit, form))
}

/// What follows is the same whether there is such an account or not.
pub async fn submit(visit: Visit) -> PageResult {
    let mut form = Form::of(&visit.form, &["username"]);
    form.require(&visit.form, "username", visit.t.reset_username_missing());
    if form.is_refused() {
        return visit.refused(&Request::new(&visit, form));
    }
    let domains = &visit.app.config.handle_domains;
    let name = identifier::typed(visit.form.get("username"), domains);
    mailing::send_reset_token(&visit.app, visit.t, &name).await?;
    visit.redirect("/account/reset-password/confirm?sent=1")
}

pub async fn show_confirm(visit: Visit) -> PageResult {
    let form = Form::of(&visit.query, &["code"]);
    visit.html(&Confirm::new(&visit, form))
}

pub async fn confirm(visit: Visit) -> PageResult {
    let t = visit.t;
    let mut form = Form::of(&visit.form, &["code", "app_passwords"]);
    form.require(&visit.form, "code", t.reset_code_missing());
    check_chosen(&mut form, &visit.form, t);
    if !form.is_refused() {
        let reset = Reset {
            code: visit.form.get("code"),
            password: visit.form.exact("password"),
            app_passwords: visit.form.has("app_passwords"),
        };
        match password::reset(&visit.app, t, reset, alert::client_of(&visit)).await? {
            Ok(()) => return visit.redirect_saying("/account/sign-in", Flash::PasswordReset),
            Err(MailTokenError::Invalid) => form.refuse("code", t.reset_code_wrong()),
            Err(MailTokenError::Expired) => form.refuse("code", t.reset_code_too_old()),
            Err(MailTokenError::Store(err)) => return Err(PageError::from(err)),
        }
    }
    visit.refused(&Confirm::new(&visit, form))
}

/// Judges a new password in the field `password`.
pub fn check_chosen(form: &mut Form, sent: &Fields, t: Text) {
    match password::check_chosen(sent.exact("password")) {
        Ok(()) => {}
        Err(PasswordError::Empty) => form.refuse("password", t.password_missing()),
        Err(PasswordError::TooShort) => form.refuse("password", t.password_too_short()),
        Err(PasswordError::TooLong) => form.refuse("password", t.password_too_long()),
    }
}
