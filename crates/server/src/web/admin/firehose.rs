//! `/admin/firehose`: the events as they come, and back as far as they can be replayed.

use askama::Template;

use super::super::i18n::Text;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::Pages;
use crate::firehose::{Change, Line, line, live};

/// Events on one page.
const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "admin/firehose.html")]
struct Firehose {
    page: Page,
    t: Text,
    /// The newest first.
    lines: Vec<Line>,
    /// Whether these are the newest of all.
    is_live: bool,
    oldest: String,
    pages: Pages,
}

impl Line {
    fn account_href(&self) -> String {
        format!("/admin/accounts/{}", self.did.replace('%', "%25"))
    }
}

impl Change {
    /// The address without the account, which stands beside.
    fn path(&self) -> &str {
        self.uri.splitn(4, '/').nth(3).unwrap_or(&self.uri)
    }

    fn href(&self) -> String {
        let query: String = url::form_urlencoded::byte_serialize(self.uri.as_bytes()).collect();
        format!("/admin/moderation?q={query}")
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let app = &visit.app;
    let before = match visit.query.get("after") {
        "" => None,
        seq => Some(seq.parse().map_err(|_| super::accounts::malformed())?),
    };
    let log = app.store.events();
    let events = log.before(before, PAGE).await?;
    let last = events.last().map(|event| event.seq).filter(|seq| *seq > log.oldest_seq());
    let mut page = visit.page(visit.t.console_firehose());
    if before.is_none() {
        page.load("live.js");
    }
    visit.html(&Firehose {
        page,
        t: visit.t,
        lines: line::lines(app, &events).await,
        is_live: before.is_none(),
        oldest: line::time(log.oldest_seq()),
        pages: Pages::new(&visit, "/admin/firehose", &[], last.map(|seq| seq.to_string())),
    })
}

/// What the page's script listens to.
pub async fn events(visit: Visit) -> PageResult {
    Ok(live(&visit.app, &visit.headers).await?)
}
