//! `/admin/relays`: who is asked to follow this server, what they said, and who follows it now.

use std::sync::Arc;

use askama::Template;
use serde_json::json;

use super::super::error::PageError;
use super::super::format::{moment, time};
use super::super::i18n::{Flash, Text};
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use crate::accounts::acts::{Action, Note};
use crate::accounts::administration;
use crate::auth::Moderator;
use crate::firehose::Presence;
use crate::relays::{Answer, Relay, Said};

const PATH: &str = "/admin/relays";
const MICROS: u64 = 1_000_000;

#[derive(Template)]
#[template(path = "admin/relays.html")]
struct Relays {
    page: Page,
    t: Text,
    relays: Vec<Asked>,
    subscribers: Vec<Subscriber>,
    head_seq: u64,
}

/// A relay, and what it said.
struct Asked {
    number: usize,
    url: String,
    crawl: Option<Heard>,
    standing: Option<Heard>,
}

struct Heard {
    at: String,
    is_good: bool,
    /// In words.
    text: String,
    /// What it says besides.
    more: String,
    /// As it came, where that says more.
    body: String,
}

struct Subscriber {
    id: u64,
    address: String,
    user_agent: String,
    since: String,
    asked: String,
    cursor: u64,
    /// How far it is behind, in seconds with their tenths.
    lag: String,
    sent: usize,
}

impl Asked {
    fn new(visit: &Visit, number: usize, relay: &Relay) -> Self {
        let heard = relay.heard();
        Self {
            number,
            url: relay.url.as_str().trim_end_matches('/').to_owned(),
            crawl: heard.crawl.map(|said| Heard::crawl(visit.t, said)),
            standing: heard.standing.map(|said| Heard::standing(visit, said)),
        }
    }
}

impl Heard {
    fn crawl(t: Text, said: Said) -> Self {
        let is_good = said.answer.is_success();
        let (text, body) = match said.answer {
            // An acceptance has nothing to say.
            Answer::Status { .. } if is_good => (t.relays_follows().to_owned(), String::new()),
            Answer::Status { status, body } => (t.relays_refused(status), body),
            Answer::None(reason) => (t.relays_unreachable().to_owned(), reason),
        };
        Self { at: time(said.at), is_good, text, more: String::new(), body }
    }

    fn standing(visit: &Visit, said: Said) -> Self {
        let t = visit.t;
        let at = time(said.at);
        if let Some(standing) = said.answer.standing() {
            let head = visit.app.store.events().head_seq();
            let behind = standing.seq.map(|seq| seconds(head.saturating_sub(seq)));
            let status = standing.status.unwrap_or_default();
            let text = standing_words(t, &status).map_or_else(|| status.clone(), str::to_owned);
            let accounts = standing.account_count.unwrap_or_default();
            let accounts = usize::try_from(accounts).unwrap_or(usize::MAX);
            let more = match behind {
                Some(behind) => t.relays_standing(behind, accounts),
                None => t.relays_standing_unheard(accounts),
            };
            return Self {
                at,
                is_good: matches!(status.as_str(), "active" | "idle"),
                text,
                more,
                body: String::new(),
            };
        }
        let (text, body) = match said.answer {
            Answer::Status { status, body } => (t.relays_unknown(status), body),
            Answer::None(reason) => (t.relays_unreachable().to_owned(), reason),
        };
        Self { at, is_good: false, text, more: String::new(), body }
    }
}

/// What a relay calls the state of a host; none for words that are not the protocol's.
fn standing_words(t: Text, status: &str) -> Option<&'static str> {
    Some(match status {
        "active" => t.relays_active(),
        "idle" => t.relays_idle(),
        "offline" => t.relays_offline(),
        "throttled" => t.relays_throttled(),
        "banned" => t.relays_banned(),
        _ => return None,
    })
}

impl Subscriber {
    fn new(presence: &Presence, head_seq: u64) -> Self {
        let cursor = presence.cursor();
        Self {
            id: presence.id,
            address: presence.address.to_string(),
            user_agent: presence.user_agent.clone(),
            since: moment(presence.since),
            asked: presence.asked.map(|seq| seq.to_string()).unwrap_or_default(),
            cursor,
            lag: seconds(head_seq.saturating_sub(cursor)),
            sent: usize::try_from(presence.sent()).unwrap_or(usize::MAX),
        }
    }
}

/// Microseconds as seconds with their tenths.
fn seconds(micros: u64) -> String {
    format!("{}.{}", micros / MICROS, micros % MICROS / (MICROS / 10))
}

pub async fn show(visit: Visit) -> PageResult {
    let app = &visit.app;
    let head_seq = app.store.events().head_seq();
    let relays = app.relays.all().iter().enumerate();
    let present = app.subscribers.present();
    visit.html(&Relays {
        page: visit.page(visit.t.console_relays()),
        t: visit.t,
        relays: relays.map(|(number, relay)| Asked::new(&visit, number, relay)).collect(),
        subscribers: present.iter().map(|it| Subscriber::new(it, head_seq)).collect(),
        head_seq,
    })
}

/// Asks a relay to follow this server, now.
pub async fn ask(visit: Visit) -> PageResult {
    let relay = relay_of(&visit)?;
    let is_followed = relay.request_crawl(&visit.app).await;
    let notes = [(Note::Accepted, json!(is_followed))];
    let (by, subject) = (&Moderator::Admin, relay.url.as_str());
    administration::record(&visit.app, by, Action::RequestCrawl, subject, notes).await;
    if is_followed {
        visit.redirect_saying(PATH, Flash::RelayAsked)
    } else {
        visit.redirect_warning(PATH, Flash::RelayRefused)
    }
}

/// Asks a relay how this server stands with it.
pub async fn look(visit: Visit) -> PageResult {
    relay_of(&visit)?.ask_standing(&visit.app).await;
    visit.redirect(PATH)
}

fn relay_of(visit: &Visit) -> Result<Arc<Relay>, PageError> {
    let number: usize = visit.param("number").parse().map_err(|_| PageError::NotFound)?;
    visit.app.relays.all().get(number).cloned().ok_or(PageError::NotFound)
}

/// Hangs up on a subscriber.
pub async fn hang_up(visit: Visit) -> PageResult {
    let id: u64 = visit.param("id").parse().map_err(|_| PageError::NotFound)?;
    let Some(presence) = visit.app.subscribers.hang_up(id) else {
        return visit.redirect_warning(PATH, Flash::SubscriberGone);
    };
    let notes = [(Note::UserAgent, json!(presence.user_agent))];
    let subject = presence.address.to_string();
    administration::record(&visit.app, &Moderator::Admin, Action::HangUp, &subject, notes).await;
    visit.redirect_saying(PATH, Flash::SubscriberHungUp)
}
