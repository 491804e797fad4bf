//! `/account/u/{account}/handle/domain`: a domain of one's own as handle. It must name the account's DID, in the DNS or in a
//! file on its web server. <https://atproto.com/specs/handle#handle-resolution>

use askama::Template;
use cairn_identity::{HandleSources, ResolveError};
use cairn_model::{Did, Handle};
use cairn_store::Account;

use super::super::error::PageError;
use super::super::form::Form;
use super::super::i18n::Text;
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::handle::{change, done};
use super::sign_up::problem_text;
use crate::accounts::handle_policy::{self, Domain, HandleError};
use crate::accounts::{create, identity};
use crate::error::XrpcError;
use crate::limits::Bucket;

#[derive(Template)]
#[template(path = "account/own_domain.html")]
struct OwnDomain {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    did: String,
    /// The domain whose records are looked for.
    domain: Option<String>,
    found: Option<Found>,
}

/// What was found; also the answer to the script that asks again and again.
#[derive(Template)]
#[template(path = "account/domain_found.html")]
struct Found {
    t: Text,
    dns: Finding,
    file: Finding,
    is_right: bool,
}

struct Finding {
    tone: &'static str,
    text: String,
}

impl Finding {
    fn new(t: Text, did: &Did, found: &Result<Option<Did>, ResolveError>) -> Self {
        let (tone, text) = match found {
            Ok(Some(named)) if named == did => ("success", t.handle_found_right().to_owned()),
            Ok(Some(named)) => ("error", t.handle_found_other(named)),
            Ok(None) => ("", t.handle_found_nothing().to_owned()),
            Err(err) if err.is_upstream() => ("warning", t.handle_found_away().to_owned()),
            Err(_) => ("error", t.handle_found_nonsense().to_owned()),
        };
        Self { tone, text }
    }
}

impl Found {
    fn new(t: Text, did: &Did, sources: &HandleSources) -> Self {
        Self {
            t,
            dns: Finding::new(t, did, &sources.dns),
            file: Finding::new(t, did, &sources.well_known),
            is_right: sources.did() == Some(did),
        }
    }
}

impl OwnDomain {
    fn new(
        visit: &Visit,
        form: Form,
        checked: Option<(&Handle, Found)>,
    ) -> Result<Self, PageError> {
        let account = &visit.account()?.account;
        let mut page = visit.page(visit.t.handle_domain_title());
        page.load("watch.js");
        let (domain, found) = checked.map(|(handle, found)| (handle.to_string(), found)).unzip();
        Ok(Self {
            page,
            t: visit.t,
            form,
            base: Local::of_account(&account.did, "/handle").to_string(),
            did: account.did.to_string(),
            domain,
            found,
        })
    }
}

/// Without a domain, asks for one; with one, says what to set up and what is there already.
pub async fn show(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let mut form = Form::of(&visit.query, &["domain"]);
    if !visit.query.has("domain") {
        return visit.html(&OwnDomain::new(&visit, form, None)?);
    }
    match wanted(&visit, account, visit.query.get("domain")).await? {
        Ok(handle) => {
            let found = look(&visit, account, &handle).await?;
            visit.html(&OwnDomain::new(&visit, form, Some((&handle, found)))?)
        }
        Err(problem) => {
            form.refuse("domain", problem);
            visit.refused(&OwnDomain::new(&visit, form, None)?)
        }
    }
}

/// `…/handle/domain/check`: what is there by now.
pub async fn check(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    match wanted(&visit, account, visit.query.get("domain")).await? {
        Ok(handle) => visit.html(&look(&visit, account, &handle).await?),
        Err(_) => Err(PageError::NotFound),
    }
}

pub async fn submit(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let account = &visit.account()?.account;
    let mut form = Form::of(&visit.form, &["domain"]);
    let handle = match wanted(&visit, account, visit.form.get("domain")).await? {
        Ok(handle) => handle,
        Err(problem) => {
            form.refuse("domain", problem);
            return visit.refused(&OwnDomain::new(&visit, form, None)?);
        }
    };
    let found = look(&visit, account, &handle).await?;
    // The page's own look is for people; what counts is how the network resolves the handle.
    if identity::require_handle_resolves(&visit.app, &handle, &account.did).await.is_err() {
        form.refuse("", visit.t.handle_unproven());
    } else if change(&visit, account, &handle, "", &mut form).await? {
        return done(&visit, &account.did);
    }
    visit.refused(&OwnDomain::new(&visit, form, Some((&handle, found)))?)
}

async fn look(visit: &Visit, account: &Account, handle: &Handle) -> Result<Found, XrpcError> {
    visit.charge(Bucket::CheckHandle, account.did.as_str())?;
    let sources = visit.app.resolver.handle_sources(handle).await;
    Ok(Found::new(visit.t, &account.did, &sources))
}

/// The domain as a handle, if the account may have it; else what is wrong. Nothing is said about what it resolves to.
async fn wanted(
    visit: &Visit,
    account: &Account,
    typed: &str,
) -> Result<Result<Handle, &'static str>, XrpcError> {
    let t = visit.t;
    let (handle, domain) =
        match handle_policy::check(&bare(typed), visit.app.config.handle_rules(), false) {
            Ok(checked) => checked,
            Err(HandleError::Syntax) => return Ok(Err(t.handle_domain_syntax())),
            Err(problem) => return Ok(Err(problem_text(&problem, t))),
        };
    if domain == Domain::Own {
        return Ok(Err(t.handle_domain_ours()));
    }
    if account.handle.as_ref() == Some(&handle) {
        return Ok(Err(t.handle_same()));
    }
    let is_taken = create::is_handle_held(&visit.app, &handle).await?;
    Ok(if is_taken { Err(t.sign_up_handle_taken()) } else { Ok(handle) })
}

/// What people copy along with a domain is taken off.
fn bare(typed: &str) -> String {
    let name = typed.trim().to_lowercase();
    let name = name.strip_prefix("https://").or(name.strip_prefix("http://")).unwrap_or(&name);
    name.trim_start_matches('@').trim_end_matches(['/', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_domain_may_come_as_an_address() {
        for typed in ["example.com", " @Example.com ", "https://example.com/", "example.com."] {
            assert_eq!(super::bare(typed), "example.com");
        }
    }
}
