//! `/admin/accounts`: finding an account.

use askama::Template;
use cairn_store::{Account, AccountId, AccountStatus};

use super::super::i18n::Text;
use super::super::local::Local;
use super::super::page::{Page, initial};
use super::super::route::PageResult;
use super::super::visit::Visit;
use crate::accounts::identity::shown_handle;
use crate::error::XrpcError;
use crate::xrpc::com_atproto::admin::search_accounts;

/// Accounts on one page.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "admin/accounts.html")]
struct Accounts {
    page: Page,
    t: Text,
    beginning: String,
    accounts: Vec<Line>,
    after: String,
}

struct Line {
    href: String,
    handle: String,
    initial: String,
    email: String,
    status: Status,
}

/// The state of an account in words, and in a colour.
pub struct Status {
    pub label: &'static str,
    pub tone: &'static str,
}

impl Status {
    pub fn new(t: Text, account: &Account) -> Self {
        let (label, tone) = match account.status() {
            AccountStatus::Active => (t.console_active(), "success"),
            AccountStatus::Deactivated => (t.console_deactivated(), "warning"),
            AccountStatus::Suspended => (t.console_suspended(), "error"),
            AccountStatus::Takendown => (t.console_taken_down(), "error"),
        };
        Self { label, tone }
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let t = visit.t;
    let beginning = visit.query.get("q").to_owned();
    let after = match visit.query.get("after") {
        "" => None,
        cursor => Some(cursor.parse().map(AccountId::new).map_err(|_| malformed())?),
    };
    let found = search_accounts::find(&visit.app, &beginning, after, PAGE).await?;
    let is_full = found.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
    let cursor = found.last().filter(|_| is_full).map(|last| last.id.get().to_string());
    let line = |account: &Account| {
        let handle = shown_handle(account);
        Line {
            href: Local::of_console(&account.did, "").to_string(),
            initial: initial(&handle),
            handle,
            email: account.email.clone().unwrap_or_default(),
            status: Status::new(t, account),
        }
    };
    visit.html(&Accounts {
        page: visit.page(t.console_accounts()),
        t,
        accounts: found.iter().map(line).collect(),
        after: super::after("/admin/accounts", &[("q", &beginning)], cursor),
        beginning,
    })
}

/// The page after one that we did not name.
pub(super) fn malformed() -> XrpcError {
    XrpcError::invalid_request("Malformed cursor")
}
