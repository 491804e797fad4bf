//! `/account/sign-in`: name and password.

use askama::Template;
use cairn_model::{Did, Handle};

use crate::error::XrpcError;

use super::super::form::Form;
use super::super::i18n::Text;
use super::super::oauth;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::move_in;
use super::passkey::{Ask, Purpose};
use super::sign_up;
use super::signing_in::{self, Checked};

#[derive(Template)]
#[template(path = "account/sign_in.html")]
pub(super) struct SignIn {
    page: Page,
    t: Text,
    form: Form,
    next: String,
    /// The next page, for links.
    carried: String,
    /// The app that waits, if one does.
    asker: Option<String>,
    /// Any passkey of this server.
    ask: Ask,
    /// Where other accounts of this browser are chosen, if there are any.
    others_url: Option<String>,
    takes_newcomers: bool,
    takes_arrivals: bool,
    /// Whether a browser that is trusted is asked for the second factor, too.
    anew: bool,
    /// Whether whoever is meant, who is signed in on this browser, has no password to give.
    has_no_password: bool,
}

impl SignIn {
    pub(super) async fn new(
        visit: &Visit,
        form: Form,
    ) -> Result<Self, super::super::error::PageError> {
        let next = visit.next();
        let asker = oauth::asker_of(visit, next.as_ref()).await?;
        let others_url = match &next {
            Some(next) if asker.is_some() => format!("{next}&choose=1"),
            _ => "/account?choose=1".to_owned(),
        };
        let mut page = visit.page(visit.t.sign_in_title());
        page.load("passkey.js");
        let has_others = !visit.browser().await?.accounts.is_empty();
        Ok(Self {
            page,
            t: visit.t,
            form,
            ask: Ask::to_use(visit, Purpose::SignIn, &[]),
            carried: next.as_ref().map(carried).unwrap_or_default(),
            next: next.map(|next| next.to_string()).unwrap_or_default(),
            asker,
            others_url: has_others.then_some(others_url),
            takes_newcomers: sign_up::is_open(&visit.app),
            takes_arrivals: move_in::is_open(&visit.app.config),
            anew: visit.query.has(signing_in::ANEW) || visit.form.has(signing_in::ANEW),
            has_no_password: visit
                .signed_in(visit.query.get("login_hint"))
                .await?
                .is_some_and(|who| who.account.password_hash.is_none()),
        })
    }
}

/// `?next=…`, to be put behind another page's path.
pub(super) fn carried(next: &super::super::local::Local) -> String {
    let next: String = url::form_urlencoded::byte_serialize(next.as_str().as_bytes()).collect();
    format!("?next={next}")
}

/// What people know the account of a hint by: its handle, if it has one.
async fn known_as(visit: &Visit, hint: &str) -> Result<String, XrpcError> {
    let Ok(did) = Did::parse(hint) else { return Ok(hint.to_owned()) };
    let account = visit.app.store.account(&did).await?;
    let handle = account.and_then(|account| account.handle.as_ref().map(Handle::to_string));
    Ok(handle.unwrap_or_else(|| hint.to_owned()))
}

pub async fn show(visit: Visit) -> PageResult {
    let mut form = Form::new();
    form.set("username", known_as(&visit, visit.query.get("login_hint")).await?);
    form.set("remember", "1");
    visit.html(&SignIn::new(&visit, form).await?)
}

pub async fn submit(visit: Visit) -> PageResult {
    let t = visit.t;
    let mut form = Form::of(&visit.form, &["username", "remember"]);
    form.require(&visit.form, "username", t.sign_in_username_missing());
    let password = visit.form.exact("password");
    if password.is_empty() {
        form.refuse("password", t.sign_in_password_missing());
    }
    if !form.is_refused() {
        match signing_in::check(&visit, visit.form.get("username"), password).await? {
            Checked::Right(account) => {
                let remember = visit.form.has("remember");
                return signing_in::go_on(&visit, account, remember, visit.next()).await;
            }
            Checked::Wrong => {
                visit.app.figures.counters.wrong_passwords.up();
                form.refuse("password", t.sign_in_wrong());
            }
            Checked::AppPassword => form.refuse("password", t.sign_in_app_password()),
            Checked::Waits => return visit.redirect("/account/sign-up/waiting"),
            Checked::TakenDown => form.refuse("", t.sign_in_taken_down()),
        }
    }
    visit.refused(&SignIn::new(&visit, form).await?)
}
