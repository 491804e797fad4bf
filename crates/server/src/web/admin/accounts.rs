//! `/admin/accounts`: finding an account.

use askama::Template;
use cairn_store::{
    Account, AccountCount, AccountId, AccountOrder, AccountQuery, AccountStatus, ListedAccount,
};

use super::super::format::bytes;
use super::super::i18n::Text;
use super::super::local::Local;
use super::super::page::{Page, initial};
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::Pages;
use crate::accounts::identity::shown_handle;
use crate::error::XrpcError;

/// Accounts on one page.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "admin/accounts.html")]
struct Accounts {
    page: Page,
    t: Text,
    beginning: String,
    statuses: [Choice; STATUSES.len()],
    orders: [Choice; ORDERS.len()],
    /// Whether nothing was asked for.
    is_whole: bool,
    /// How many there are.
    count: String,
    accounts: Vec<Line>,
    pages: Pages,
}

/// One of a few, in a form.
struct Choice {
    name: &'static str,
    label: &'static str,
    is_chosen: bool,
}

struct Line {
    href: String,
    handle: String,
    initial: String,
    email: String,
    /// What its blobs take.
    space: String,
    status: Status,
}

impl Line {
    fn new(t: Text, found: &ListedAccount) -> Self {
        let account = &found.account;
        let handle = shown_handle(account);
        Self {
            href: Local::of_console(&account.did, "").to_string(),
            initial: initial(&handle),
            handle,
            email: account.email.clone().unwrap_or_default(),
            space: bytes(t, found.blob_bytes),
            status: Status::new(t, account),
        }
    }
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

/// The parts of the list that can be asked for, by their names in addresses.
const STATUSES: [(&str, Option<AccountStatus>); 5] = [
    ("", None),
    ("active", Some(AccountStatus::Active)),
    ("deactivated", Some(AccountStatus::Deactivated)),
    ("suspended", Some(AccountStatus::Suspended)),
    ("taken-down", Some(AccountStatus::Takendown)),
];
const ORDERS: [(&str, AccountOrder); 3] = [
    ("", AccountOrder::Oldest),
    ("newest", AccountOrder::Newest),
    ("largest", AccountOrder::Largest),
];

fn status_label(t: Text, status: Option<AccountStatus>) -> &'static str {
    match status {
        None => t.accounts_any(),
        Some(AccountStatus::Active) => t.console_active(),
        Some(AccountStatus::Deactivated) => t.console_deactivated(),
        Some(AccountStatus::Suspended) => t.console_suspended(),
        Some(AccountStatus::Takendown) => t.console_taken_down(),
    }
}

fn order_label(t: Text, order: AccountOrder) -> &'static str {
    match order {
        AccountOrder::Oldest => t.accounts_oldest(),
        AccountOrder::Newest => t.accounts_newest(),
        AccountOrder::Largest => t.accounts_largest(),
    }
}

/// How many there are, in words.
fn counted(t: Text, count: AccountCount, is_whole: bool) -> String {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    match count {
        AccountCount::Exactly(n) if is_whole => t.accounts_count(number(n)),
        AccountCount::Exactly(n) => t.accounts_found(number(n)),
        AccountCount::MoreThan(n) => t.accounts_many_found(n),
    }
}

/// What a name stands for, or the first of them for any other name.
fn named<T: Copy>(choices: &[(&'static str, T)], name: &str) -> Option<(&'static str, T)> {
    choices.iter().find(|(known, _)| *known == name).or(choices.first()).copied()
}

pub async fn show(visit: Visit) -> PageResult {
    let t = visit.t;
    let beginning = visit.query.get("q").to_owned();
    let after = match visit.query.get("after") {
        "" => None,
        cursor => Some(cursor.parse().map(AccountId::new).map_err(|_| malformed())?),
    };
    let (status_name, status) = named(&STATUSES, visit.query.get("status")).unwrap_or_default();
    let (order_name, order) = named(&ORDERS, visit.query.get("order")).unwrap_or_default();
    let sought = AccountQuery::beginning_of(&beginning);
    let count = visit.app.store.count_accounts(sought.clone(), status).await?;
    let is_whole = beginning.is_empty() && status.is_none();
    let query = AccountQuery { beginning: sought, status, order, after, limit: PAGE };
    let found = visit.app.store.find_accounts(query).await?;
    let is_full = found.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
    let cursor = found.last().filter(|_| is_full).map(|last| last.account.id.get().to_string());
    let others = [("q", beginning.as_str()), ("status", status_name), ("order", order_name)];
    visit.html(&Accounts {
        page: visit.page(t.console_accounts()),
        t,
        accounts: found.iter().map(|it| Line::new(t, it)).collect(),
        pages: Pages::new(&visit, "/admin/accounts", &others, cursor),
        count: counted(t, count, is_whole),
        is_whole,
        statuses: STATUSES.map(|(name, it)| Choice {
            name,
            label: status_label(t, it),
            is_chosen: name == status_name,
        }),
        orders: ORDERS.map(|(name, it)| Choice {
            name,
            label: order_label(t, it),
            is_chosen: name == order_name,
        }),
        beginning,
    })
}

/// The page after one that we did not name.
pub(super) fn malformed() -> XrpcError {
    XrpcError::invalid_request("Malformed cursor")
}
