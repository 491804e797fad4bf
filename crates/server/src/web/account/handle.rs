//! `/account/u/{account}/handle`: another name under the server's domains.

use askama::Template;
use cairn_model::{Did, Handle};
use cairn_store::Account;

use super::super::error::PageError;
use super::super::form::{Fields, Form};
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::sign_up::{self, Said, problem_text};
use crate::accounts::handle_policy::HandleError;
use crate::accounts::identity::shown_handle;
use crate::accounts::{create, handle, hosted};
use crate::error::XrpcError;
use crate::limits::Bucket;

#[derive(Template)]
#[template(path = "account/handle.html")]
struct HandlePage {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    handle: String,
    domains: Vec<String>,
    /// Whether the present handle is a name of this server, which others could take.
    is_given_up: bool,
    said: Option<Said>,
}

impl HandlePage {
    fn new(visit: &Visit, form: Form, said: Option<Said>) -> Result<Self, PageError> {
        let account = &visit.account()?.account;
        let domains = visit.app.config.handle_domains.clone();
        let handle = shown_handle(account);
        let is_ours = domains.iter().any(|domain| handle.ends_with(domain.as_str()));
        Ok(Self {
            page: visit.page(visit.t.handle_title()),
            t: visit.t,
            form,
            base: Local::of_account(&account.did, "").to_string(),
            is_given_up: is_ours && !hosted::is_hosted(&account.did, &domains),
            handle,
            domains,
            said,
        })
    }
}

pub async fn show(visit: Visit) -> PageResult {
    visit.html(&HandlePage::new(&visit, Form::new(), None)?)
}

/// `…/handle/check`: for the script that asks while somebody types.
pub async fn availability(visit: Visit) -> PageResult {
    let said = ask(&visit, &visit.query).await?;
    visit.html(&said)
}

async fn ask(visit: &Visit, sent: &Fields) -> Result<Said, PageError> {
    let account = &visit.account()?.account;
    Ok(match wanted(visit, account, sent).await? {
        Ok(handle) => Said { is_free: true, text: visit.t.sign_up_handle_free(handle) },
        Err(problem) => Said { is_free: false, text: problem.to_owned() },
    })
}

/// The handle that the account asks for, if it can have it; else what is wrong.
async fn wanted(
    visit: &Visit,
    account: &Account,
    sent: &Fields,
) -> Result<Result<Handle, &'static str>, XrpcError> {
    Ok(match sign_up::wanted_handle(visit, sent).await? {
        Ok(handle) => Ok(handle),
        Err(HandleError::Taken(handle)) if account.handle.as_ref() == Some(&handle) => {
            Err(visit.t.handle_same())
        }
        Err(HandleError::Taken(handle)) if is_kept_for(visit, account, &handle).await? => {
            Ok(handle)
        }
        Err(problem) => Err(problem_text(&problem, visit.t)),
    })
}

/// Whether a name that nobody has is kept for this account: the one behind its did:web.
async fn is_kept_for(visit: &Visit, account: &Account, handle: &Handle) -> Result<bool, XrpcError> {
    let owner = hosted::owner_of(&visit.app, handle).await?;
    Ok(owner.is_some_and(|owner| owner.id == account.id)
        && !create::is_held(&visit.app, handle.clone()).await?)
}

pub async fn submit(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let mut form = Form::of(&visit.form, &["handle", "domain"]);
    if visit.form.has("check") {
        let said = ask(&visit, &visit.form).await?;
        return visit.html(&HandlePage::new(&visit, form, Some(said))?);
    }
    visit.require_recent_sign_in()?;
    match wanted(&visit, account, &visit.form).await? {
        Ok(handle) => {
            if change(&visit, account, &handle, "handle", &mut form).await? {
                return done(&visit, &account.did);
            }
        }
        Err(problem) => form.refuse("handle", problem),
    }
    visit.refused(&HandlePage::new(&visit, form, None)?)
}

/// Gives the account a handle that it may have. If somebody or something prevents it, the form says what, beside `field`.
pub async fn change(
    visit: &Visit,
    account: &Account,
    handle: &Handle,
    field: &'static str,
    form: &mut Form,
) -> Result<bool, PageError> {
    visit.charge(Bucket::UpdateHandle, account.did.as_str())?;
    let Err(err) = handle::change(&visit.app, account, handle).await else { return Ok(true) };
    refuse(visit.t, account, handle, field, form, err)?;
    Ok(false)
}

/// Has the form say why the account did not get a handle.
///
/// # Errors
/// What nobody can do anything about in the form.
pub fn refuse(
    t: Text,
    account: &Account,
    handle: &Handle,
    field: &'static str,
    form: &mut Form,
    err: XrpcError,
) -> Result<(), XrpcError> {
    match err.name() {
        "HandleNotAvailable" => form.refuse(field, t.sign_up_handle_taken()),
        "UpstreamFailure" | "UpstreamTimeout" | "RateLimitExceeded" => {
            tracing::warn!(did = %account.did, error = %err, "a handle was not changed");
            form.refuse("", t.handle_directory_away());
        }
        "InvalidRequest" if account.did.method() != "plc" => {
            form.refuse("", t.handle_did_web(format!("at://{handle}")));
        }
        "InvalidRequest" => form.refuse("", t.handle_refused(&err)),
        _ => return Err(err),
    }
    Ok(())
}

pub fn done(visit: &Visit, did: &Did) -> PageResult {
    visit.redirect_saying(Local::of_account(did, ""), Flash::HandleChanged)
}
