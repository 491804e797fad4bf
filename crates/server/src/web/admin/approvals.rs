//! `/admin/approvals`: people who wait for an account.

use askama::Template;
use cairn_store::{AccountId, Applicant};

use super::super::error::PageError;
use super::super::format::time;
use super::super::i18n::{Flash, Text};
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::Pages;
use crate::accounts::approval;
use crate::accounts::identity::INVALID_HANDLE;
use crate::config::SignUp;
use crate::error::XrpcError;

/// People on one page.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "admin/approvals.html")]
struct Approvals {
    page: Page,
    t: Text,
    /// Whether new accounts wait at all.
    is_asked: bool,
    applicants: Vec<Line>,
    pages: Pages,
}

#[derive(Template)]
#[template(path = "admin/reject.html")]
struct Rejecting {
    page: Page,
    t: Text,
    applicant: Line,
}

struct Line {
    /// Of the path of its forms.
    base: String,
    did: String,
    handle: String,
    email: String,
    asked_at: String,
    /// Whether the DID lives elsewhere so far.
    moves_in: bool,
}

impl From<Applicant> for Line {
    fn from(applicant: Applicant) -> Self {
        let handle = applicant.handle.map(|handle| handle.to_string());
        Self {
            base: format!("/admin/approvals/{}", applicant.did.as_str().replace('%', "%25")),
            did: applicant.did.to_string(),
            handle: handle.unwrap_or_else(|| INVALID_HANDLE.to_owned()),
            email: applicant.email.unwrap_or_default(),
            asked_at: time(applicant.asked_at),
            moves_in: !applicant.activates,
        }
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let after = match visit.query.get("after") {
        "" => None,
        cursor => {
            Some(cursor.parse().map(AccountId::new).map_err(|_| super::accounts::malformed())?)
        }
    };
    let found = visit.app.store.applicants(after, PAGE).await?;
    let is_full = found.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
    let cursor = found.last().filter(|_| is_full).map(|last| last.id.get().to_string());
    visit.html(&Approvals {
        page: visit.page(visit.t.console_approvals()),
        t: visit.t,
        is_asked: visit.app.config.sign_up == SignUp::Approval,
        applicants: found.into_iter().map(Line::from).collect(),
        pages: Pages::new(&visit, "/admin/approvals", &[], cursor),
    })
}

pub async fn approve(visit: Visit) -> PageResult {
    let did = super::did_of(&visit)?;
    match approval::approve(&visit.app, &did).await {
        Ok(_) => visit.redirect_saying("/admin/approvals", Flash::Approved),
        Err(err) => not_done(&visit, err),
    }
}

/// Asks before somebody is turned away.
pub async fn ask(visit: Visit) -> PageResult {
    let did = super::did_of(&visit)?;
    let applicant = visit.app.store.applicant(did).await?.ok_or(PageError::NotFound)?;
    let page = visit.page(visit.t.approvals_reject_title());
    visit.html(&Rejecting { page, t: visit.t, applicant: applicant.into() })
}

pub async fn reject(visit: Visit) -> PageResult {
    let did = super::did_of(&visit)?;
    match approval::reject(&visit.app, &did).await {
        Ok(()) => visit.redirect_saying("/admin/approvals", Flash::Rejected),
        Err(err) => not_done(&visit, err),
    }
}

/// Back to the list, where they are no more, or still are.
fn not_done(visit: &Visit, err: XrpcError) -> PageResult {
    match err.name() {
        "NotFound" => visit.redirect_warning("/admin/approvals", Flash::ApplicantGone),
        _ => Err(err.into()),
    }
}
