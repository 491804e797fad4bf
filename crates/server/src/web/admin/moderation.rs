//! `/admin/moderation`: finding a record, a blob or an account, and what is taken down at present.

use askama::Template;
use cairn_model::{AtUri, Cid, Did, RepoPath};
use cairn_store::{Account, AccountId, AccountQuery, AccountStatus};

use super::super::form::Form;
use super::super::i18n::Text;
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::Pages;
use super::sought::Sought;
use crate::accounts::identity::shown_handle;
use crate::error::XrpcError;
use crate::xrpc::com_atproto::admin;

/// Entries on one page.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "admin/moderation.html")]
struct Moderation {
    page: Page,
    t: Text,
    form: Form,
    sought: String,
    tabs: [Tab; 3],
    lines: Vec<Line>,
    pages: Pages,
}

struct Tab {
    href: &'static str,
    label: &'static str,
    is_current: bool,
}

/// Something that is taken down.
struct Line {
    href: String,
    name: String,
    reference: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Accounts,
    Records,
    Blobs,
}

impl Kind {
    fn by_name(name: &str) -> Self {
        match name {
            "records" => Self::Records,
            "blobs" => Self::Blobs,
            _ => Self::Accounts,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Records => "records",
            Self::Blobs => "blobs",
        }
    }
}

/// A page of the list, and where it goes on.
struct Found {
    lines: Vec<Line>,
    cursor: Option<String>,
}

impl Moderation {
    async fn new(visit: &Visit, form: Form) -> Result<Self, XrpcError> {
        let t = visit.t;
        let kind = Kind::by_name(visit.query.get("show"));
        let after = visit.query.get("after");
        let found = match kind {
            Kind::Accounts => accounts(visit, after).await?,
            Kind::Records => records(visit, after).await?,
            Kind::Blobs => blobs(visit, after).await?,
        };
        let tab = |of: Kind, href, label| Tab { href, label, is_current: of == kind };
        Ok(Self {
            page: visit.page(t.console_moderation()),
            t,
            form,
            sought: visit.query.get("q").to_owned(),
            tabs: [
                tab(Kind::Accounts, "/admin/moderation", t.console_accounts()),
                tab(Kind::Records, "/admin/moderation?show=records", t.moderation_records()),
                tab(Kind::Blobs, "/admin/moderation?show=blobs", t.moderation_blobs()),
            ],
            pages: Pages::new(visit, "/admin/moderation", &[("show", kind.name())], found.cursor),
            lines: found.lines,
        })
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let sought = visit.query.get("q");
    if sought.is_empty() {
        let page = Moderation::new(&visit, Form::new()).await?;
        return visit.html(&page);
    }
    match find(&visit, sought).await? {
        Some(place) => visit.redirect(place),
        None => {
            let mut form = Form::new();
            form.refuse("q", visit.t.moderation_not_found());
            let page = Moderation::new(&visit, form).await?;
            visit.refused(&page)
        }
    }
}

/// The page of what is looked for; `None` if its account is not here.
async fn find(visit: &Visit, text: &str) -> Result<Option<Local>, XrpcError> {
    let Some(sought) = Sought::read(text) else { return Ok(None) };
    let identifier = match &sought {
        Sought::Account(name) | Sought::Blob(name, _) => name.clone(),
        Sought::Record(uri) => {
            uri.identifier().map_err(|err| XrpcError::invalid_request(err.to_string()))?
        }
    };
    let account = match admin::account(&visit.app, identifier).await {
        Ok(account) => account,
        Err(err) if err.status().is_client_error() => return Ok(None),
        Err(err) => return Err(err),
    };
    Ok(Some(match sought {
        Sought::Account(_) => Local::of_console(&account.did, ""),
        Sought::Blob(_, cid) => of_blob(&account.did, &cid),
        Sought::Record(uri) => match path_of(&uri) {
            Some(path) => of_record(&account.did, &path),
            None => Local::of_console(&account.did, ""),
        },
    }))
}

fn path_of(uri: &AtUri) -> Option<RepoPath> {
    RepoPath::parse(&format!("{}/{}", uri.collection()?, uri.rkey()?)).ok()
}

/// The page of a record.
pub fn of_record(did: &Did, path: &RepoPath) -> Local {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("uri", AtUri::record(did, path).as_str());
    Local::with_query("/admin/moderation/record", &query.finish())
}

/// The page of a blob.
pub fn of_blob(did: &Did, cid: &Cid) -> Local {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("did", did.as_str()).append_pair("cid", &cid.to_string());
    Local::with_query("/admin/moderation/blob", &query.finish())
}

fn is_full<T>(found: &[T]) -> bool {
    found.len() == usize::try_from(PAGE).unwrap_or(usize::MAX)
}

async fn accounts(visit: &Visit, after: &str) -> Result<Found, XrpcError> {
    let after = match after {
        "" => None,
        id => Some(id.parse().map(AccountId::new).map_err(|_| super::accounts::malformed())?),
    };
    let query = AccountQuery {
        status: Some(AccountStatus::Takendown),
        after,
        limit: PAGE,
        ..AccountQuery::default()
    };
    let found = visit.app.store.find_accounts(query).await?;
    let cursor = found.last().filter(|_| is_full(&found)).map(|it| it.account.id.get().to_string());
    let line = |account: &Account| Line {
        href: Local::of_console(&account.did, "").to_string(),
        name: shown_handle(account),
        reference: account.takedown_ref.clone().unwrap_or_default(),
    };
    Ok(Found { lines: found.iter().map(|it| line(&it.account)).collect(), cursor })
}

async fn records(visit: &Visit, after: &str) -> Result<Found, XrpcError> {
    let after = cursor(after, |text| RepoPath::parse(text).ok())?;
    let found = visit.app.store.hidden_records(after, PAGE).await?;
    let cursor = found.last().filter(|_| is_full(&found));
    let cursor = cursor.map(|last| format!("{} {}", last.account.get(), last.path));
    let lines = found.iter().map(|it| Line {
        href: of_record(&it.did, &it.path).to_string(),
        name: AtUri::record(&it.did, &it.path).to_string(),
        reference: it.reference.clone(),
    });
    Ok(Found { lines: lines.collect(), cursor })
}

async fn blobs(visit: &Visit, after: &str) -> Result<Found, XrpcError> {
    let after = cursor(after, |text| Cid::parse(text).ok())?;
    let found = visit.app.store.hidden_blobs(after, PAGE).await?;
    let cursor = found.last().filter(|_| is_full(&found));
    let cursor = cursor.map(|last| format!("{} {}", last.account.get(), last.cid));
    let lines = found.iter().map(|it| Line {
        href: of_blob(&it.did, &it.cid).to_string(),
        name: format!("{} {}", it.did, it.cid),
        reference: it.reference.clone(),
    });
    Ok(Found { lines: lines.collect(), cursor })
}

/// An account, and what of it was last on the page before.
fn cursor<T>(
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<(AccountId, T)>, XrpcError> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = || {
        let (account, of) = text.split_once(' ')?;
        Some((AccountId::new(account.parse().ok()?), parse(of)?))
    };
    read().map(Some).ok_or_else(super::accounts::malformed)
}
