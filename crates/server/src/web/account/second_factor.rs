//! `/account/sign-in/code`: the second factor.

use std::sync::Arc;

use askama::Template;
use cairn_store::{Account, Factor};

use crate::accounts::identity::shown_handle;
use crate::error::XrpcError;

use super::super::browser::Shown;
use super::super::error::PageError;
use super::super::form::Form;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::alert;
use super::email::after_mail;
use super::factors::{self, Method};
use super::passkey::{Ask, Purpose};
use super::signing_in::{self, Pending};
use super::trusted;

/// From so many unused recovery codes down, their owner is told to make new ones.
pub const FEW_CODES: u32 = 3;

#[derive(Template)]
#[template(path = "account/second_factor.html")]
struct SecondFactor {
    page: Page,
    t: Text,
    form: Form,
    method: Method,
    /// Whose account it is.
    handle: String,
    is_mail: bool,
    /// What else the account can be shown with.
    others: Vec<Method>,
    /// For a passkey.
    ask: Option<Ask>,
    /// The address, without most of its letters: whoever has the password need not learn it.
    email: String,
    pending: String,
    next: String,
    /// Where somebody goes who meant another account.
    another: String,
    /// This page, for a script that needs a fresh one.
    here: String,
}

impl SecondFactor {
    async fn new(visit: &Visit, step: &Step, form: Form) -> Result<Self, PageError> {
        let (t, account) = (visit.t, &step.account);
        let mut page = visit.page(match step.method {
            Method::Passkey => t.second_factor_title_passkey(),
            Method::Totp => t.second_factor_title_app(),
            Method::Mail => t.second_factor_title(),
            Method::Recovery => t.second_factor_title_recovery(),
        });
        let mut ask = None;
        if step.method == Method::Passkey {
            page.load("passkey.js");
            let known = visit.app.store.passkeys(account.id).await?;
            ask = Some(Ask::to_use(visit, Purpose::SecondFactor(account), &known));
        }
        let next = visit.next();
        Ok(Self {
            page,
            t,
            form,
            method: step.method,
            handle: shown_handle(account),
            is_mail: step.method == Method::Mail,
            others: step.offered.iter().copied().filter(|it| *it != step.method).collect(),
            ask,
            email: account.email.as_deref().map(veiled).unwrap_or_default(),
            pending: step.sealed.clone(),
            another: sign_in(visit).to_string(),
            here: page_for(&step.sealed, step.method, next.as_ref()).to_string(),
            next: next.map(|next| next.to_string()).unwrap_or_default(),
        })
    }
}

/// `a•••@example.com`.
fn veiled(email: &str) -> String {
    let (local, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    let first = local.chars().next().map(String::from).unwrap_or_default();
    format!("{first}•••@{domain}")
}

/// The page that asks for a factor from somebody who has shown the password.
pub fn page_for(sealed: &str, method: Method, next: Option<&Local>) -> Local {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("pending", sealed);
    query.append_pair("with", method.name());
    if let Some(next) = next {
        query.append_pair("next", next.as_str());
    }
    Local::with_query("/account/sign-in/code", &query.finish())
}

/// How far somebody is.
struct Step {
    account: Arc<Account>,
    pending: Pending,
    sealed: String,
    offered: Vec<Method>,
    method: Method,
}

impl Step {
    /// `None` when it is too late, or nothing is asked for any more.
    async fn open(visit: &Visit, sealed: &str, with: &str) -> Result<Option<Self>, PageError> {
        let Some((account, pending)) = Pending::open(visit, sealed).await? else { return Ok(None) };
        let offered = factors::offered(visit, &account).await?;
        let wanted = Method::by_name(with).filter(|method| offered.contains(method));
        let Some(method) = wanted.or_else(|| offered.first().copied()) else { return Ok(None) };
        Ok(Some(Self { account, pending, sealed: sealed.to_owned(), offered, method }))
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let (sealed, with) = (visit.query.get("pending"), visit.query.get("with"));
    let Some(step) = Step::open(&visit, sealed, with).await? else { return too_late(&visit) };
    visit.html(&SecondFactor::new(&visit, &step, Form::new()).await?)
}

pub async fn submit(visit: Visit) -> PageResult {
    let (sealed, with) = (visit.form.get("pending"), visit.form.get("with"));
    let Some(step) = Step::open(&visit, sealed, with).await? else { return too_late(&visit) };
    if visit.form.has("change") {
        return change(&visit, step).await;
    }
    let refusal = match factors::check(&visit, &step.account, step.method).await? {
        Ok(factor) => return enter(&visit, step, factor).await,
        Err(refusal) => refusal,
    };
    if refusal.is_a_try() {
        let (meant, client) = (step.method.factor(), alert::client_of(&visit));
        visit.app.store.note_refused_factor(step.account.id, meant, client).await?;
    }
    let mut form = Form::of(&visit.form, &[trusted::TICK]);
    let field = if step.method == Method::Passkey { "" } else { "code" };
    form.refuse(field, refusal.words(visit.t, step.method));
    visit.refused(&SecondFactor::new(&visit, &step, form).await?)
}

async fn enter(visit: &Visit, step: Step, factor: Factor) -> PageResult {
    let has = visit.app.store.second_factors(step.account.id).await?;
    let are_few = factor == Factor::RecoveryCode && has.recovery_codes <= FEW_CODES;
    let trust = step.method.may_be_trusted() && visit.form.has(trusted::TICK);
    let factors = vec![Factor::Password, factor];
    let shown = Shown { account: step.account, remember: step.pending.remember, factors, trust };
    let answer = signing_in::enter(visit, shown, visit.next()).await?;
    if are_few {
        visit.warn_next(Flash::FewRecoveryCodes);
    }
    Ok(answer)
}

/// Another way, or another code.
async fn change(visit: &Visit, step: Step) -> PageResult {
    let wanted = Method::by_name(visit.form.get("change"));
    let Some(method) = wanted.filter(|method| step.offered.contains(method)) else {
        return too_late(visit);
    };
    let begun = factors::begin(visit, &step.account, method).await;
    let page = page_for(&step.sealed, method, visit.next().as_ref());
    if begun.is_ok() && method == Method::Mail && visit.app.mailer.is_configured() {
        return visit.redirect_saying(page, Flash::CodeSent);
    }
    go_to(visit, page, method, begun)
}

/// Goes to the page that asks for a factor. A mail that is not on its way waits for the operator, who can tell the code: the
/// page must be there to type it into.
pub fn go_to(
    visit: &Visit,
    page: Local,
    method: Method,
    begun: Result<(), XrpcError>,
) -> PageResult {
    let is_mailed = method == Method::Mail;
    match begun {
        // The page itself says where a mail went.
        Ok(()) if !is_mailed || visit.app.mailer.is_configured() => visit.redirect(page),
        begun => after_mail(visit, page, begun),
    }
}

/// The first page of signing in, which leads on to where this one would.
fn sign_in(visit: &Visit) -> Local {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(next) = visit.next() {
        query.append_pair("next", next.as_str());
    }
    Local::with_query("/account/sign-in", &query.finish())
}

fn too_late(visit: &Visit) -> PageResult {
    visit.redirect_warning(sign_in(visit), Flash::SignInTooLate)
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_address_shows_what_its_owner_recognises() {
        assert_eq!(super::veiled("alice@example.com"), "a•••@example.com");
        assert_eq!(super::veiled("é@x.test"), "é•••@x.test");
    }
}
