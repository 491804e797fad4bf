//! `/admin/sign-in`

use askama::Template;
use subtle::ConstantTimeEq;

use super::super::cookies::Cookie;
use super::super::form::Form;
use super::super::i18n::{Flash, Text};
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;

#[derive(Template)]
#[template(path = "admin/sign_in.html")]
struct SignIn {
    page: Page,
    t: Text,
    form: Form,
    /// Whether there is a password at all.
    is_open: bool,
    next: String,
}

impl SignIn {
    fn new(visit: &Visit, form: Form) -> Self {
        Self {
            page: visit.page(visit.t.admin_sign_in_title()),
            t: visit.t,
            form,
            is_open: visit.app.config.admin_password.is_some(),
            next: visit.next().map(|next| next.to_string()).unwrap_or_default(),
        }
    }
}

pub async fn show(visit: Visit) -> PageResult {
    visit.html(&SignIn::new(&visit, Form::new()))
}

pub async fn submit(visit: Visit) -> PageResult {
    let given = visit.form.exact("password").as_bytes();
    let password = visit.app.config.admin_password.as_ref();
    if !password.is_some_and(|password| bool::from(password.expose().ct_eq(given))) {
        visit.app.figures.counters.wrong_passwords.up();
        let mut form = Form::new();
        form.refuse("password", visit.t.admin_sign_in_wrong());
        return visit.refused(&SignIn::new(&visit, form));
    }
    super::remember(&visit);
    match visit.next() {
        Some(next) => visit.redirect(next),
        None => visit.redirect("/admin"),
    }
}

/// Leaves the console.
pub async fn leave(visit: Visit) -> PageResult {
    visit.cookies.remove(Cookie::Admin);
    visit.redirect_saying("/admin/sign-in", Flash::SignedOutAdmin)
}
