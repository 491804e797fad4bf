//! Pages of development servers: the server at a glance, its mailbox, the components of the pages, a client of OAuth.

mod client;
mod gallery;
mod mailbox;

use askama::Template;

use super::i18n::Text;
use super::page::Page;
use super::route::{PageResult, Route, Who, get};
use super::visit::Visit;

/// Accounts on the landing page.
const ACCOUNTS_SHOWN: u32 = 50;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/dev/mail", Who::Dev, mailbox::show),
        get("/dev/gallery", Who::Dev, gallery::show),
        get(client::PATH, Who::Dev, client::show),
    ]
}

#[derive(Template)]
#[template(path = "dev/landing.html")]
struct Landing {
    page: Page,
    t: Text,
    url: String,
    did: String,
    plc: String,
    domain: String,
    version: String,
    /// Where the demonstration client is.
    client: Option<String>,
    accounts: Vec<Row>,
}

struct Row {
    handle: String,
    did: String,
    status: &'static str,
}

/// The front page in development.
pub(super) async fn landing(visit: Visit) -> PageResult {
    let app = &visit.app;
    let config = &app.config;
    let accounts = app.store.list_accounts(None, ACCOUNTS_SHOWN).await?;
    let row = |account: &cairn_store::Account| Row {
        handle: crate::accounts::identity::shown_handle(account),
        did: account.did.to_string(),
        status: account.status().as_str().unwrap_or("active"),
    };
    let mut page = visit.page("Cairn");
    page.load("live.js");
    visit.html(&Landing {
        page,
        t: visit.t,
        url: config.public_url.clone(),
        did: config.service_did.to_string(),
        plc: app.plc.base_url().to_owned(),
        domain: config.handle_domains.first().cloned().unwrap_or_default(),
        version: config.version.clone(),
        client: client::address(&config.public_url).map(String::from),
        accounts: accounts.iter().map(row).collect(),
    })
}
