//! `/account/sign-in/code`: the second factor.

use std::sync::Arc;

use askama::Template;
use cairn_store::{Account, Factor};

use super::super::browser::Shown;
use super::super::form::Form;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::factors::{self, Method, Refusal};
use super::signing_in::{self, Pending};

#[derive(Template)]
#[template(path = "account/second_factor.html")]
struct SecondFactor {
    page: Page,
    t: Text,
    form: Form,
    /// The address, without most of its letters: whoever has the password need not learn it.
    email: String,
    pending: String,
    next: String,
}

impl SecondFactor {
    fn new(visit: &Visit, account: &Account, pending: &str, form: Form) -> Self {
        Self {
            page: visit.page(visit.t.second_factor_title()),
            t: visit.t,
            form,
            email: account.email.as_deref().map(veiled).unwrap_or_default(),
            pending: pending.to_owned(),
            next: visit.next().map(|next| next.to_string()).unwrap_or_default(),
        }
    }
}

/// `a•••@example.com`.
fn veiled(email: &str) -> String {
    let (local, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    let first = local.chars().next().map(String::from).unwrap_or_default();
    format!("{first}•••@{domain}")
}

pub async fn show(visit: Visit) -> PageResult {
    let sealed = visit.query.get("pending");
    let Some((account, _)) = Pending::open(&visit, sealed).await? else { return too_late(&visit) };
    visit.html(&SecondFactor::new(&visit, &account, sealed, Form::new()))
}

pub async fn submit(visit: Visit) -> PageResult {
    let sealed = visit.form.get("pending").to_owned();
    let Some((account, pending)) = Pending::open(&visit, &sealed).await? else {
        return too_late(&visit);
    };
    let Some(method) = factors::needed(&account).into_iter().next() else {
        return too_late(&visit);
    };
    if visit.form.has("again") {
        return again(&visit, &account, method, &sealed).await;
    }
    let refusal = match factors::check(&visit, &account, method, visit.form.get("code")).await? {
        Ok(factor) => return enter(&visit, account, pending, factor).await,
        Err(refusal) => refusal,
    };
    let mut form = Form::new();
    form.refuse(
        "code",
        match refusal {
            Refusal::Wrong => visit.t.second_factor_wrong(),
            Refusal::TooOld => visit.t.second_factor_too_old(),
        },
    );
    visit.refused(&SecondFactor::new(&visit, &account, &sealed, form))
}

async fn enter(
    visit: &Visit,
    account: Arc<Account>,
    pending: Pending,
    factor: Factor,
) -> PageResult {
    let factors = vec![Factor::Password, factor];
    let shown = Shown { account, remember: pending.remember, factors };
    signing_in::enter(visit, shown, visit.next()).await
}

/// Another code.
async fn again(visit: &Visit, account: &Account, method: Method, sealed: &str) -> PageResult {
    factors::begin(visit, account, method).await?;
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("pending", sealed);
    if let Some(next) = visit.next() {
        query.append_pair("next", next.as_str());
    }
    let here = Local::with_query("/account/sign-in/code", &query.finish());
    visit.redirect_saying(here, Flash::CodeSent)
}

fn too_late(visit: &Visit) -> PageResult {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(next) = visit.next() {
        query.append_pair("next", next.as_str());
    }
    visit.redirect_warning(
        Local::with_query("/account/sign-in", &query.finish()),
        Flash::SignInTooLate,
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_address_shows_what_its_owner_recognises() {
        assert_eq!(super::veiled("alice@example.com"), "a•••@example.com");
        assert_eq!(super::veiled("é@x.test"), "é•••@x.test");
    }
}
