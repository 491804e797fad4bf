//! `/account/u/{account}/apps`: the apps that were let in at `/oauth/authorize`, what they may do, and shutting them out.

use std::collections::BTreeSet;

use askama::Template;
use cairn_oauth::scope::Scopes;
use cairn_store::{AccountId, AuthorizedClient, OAuthSession, StoreError};
use jiff::Timestamp;
use url::Url;

use super::super::format::time;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::oauth::words::{Line, Words};
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use crate::oauth::authorize::{PermissionSets, display_host};

/// How many apps have a session; several of one app count once.
pub async fn count(visit: &Visit, account: AccountId) -> Result<usize, StoreError> {
    let sessions = visit.app.store.oauth_sessions_of(account).await?;
    let apps: BTreeSet<&str> = sessions.iter().map(|it| it.client_id.as_str()).collect();
    Ok(apps.len())
}

#[derive(Template)]
#[template(path = "account/apps.html")]
struct Apps {
    page: Page,
    t: Text,
    action: String,
    apps: Vec<Row>,
}

struct Row {
    client_id: String,
    /// The host that answers for it; none for an app on the person's own device.
    host: Option<String>,
    /// Where such an app listens, to tell it from others; else empty.
    place: String,
    /// Where it is signed in; 0 if it only need not ask again.
    sessions: usize,
    since: String,
    used: String,
    lines: Vec<Line>,
}

/// What is known of one client.
struct Client {
    id: String,
    sessions: usize,
    since: Timestamp,
    used: Timestamp,
    scopes: Scopes,
}

impl Client {
    fn of_session(session: OAuthSession) -> Self {
        Self {
            id: session.client_id,
            sessions: 1,
            since: session.created_at,
            used: session.updated_at,
            scopes: Scopes::parse(&session.granted),
        }
    }

    fn of_consent(consent: AuthorizedClient) -> Self {
        Self {
            id: consent.client_id,
            sessions: 0,
            since: consent.created_at,
            used: consent.updated_at,
            scopes: Scopes::parse(&consent.scope),
        }
    }

    fn join(&mut self, other: Self) {
        // What a consent says beyond the sessions, the app can have without asking.
        self.scopes = self.scopes.union(&other.scopes);
        self.sessions += other.sessions;
        self.since = self.since.min(other.since);
        self.used = self.used.max(other.used);
    }
}

/// Each client once, the one that was used last first.
fn by_client(sessions: Vec<OAuthSession>, consents: Vec<AuthorizedClient>) -> Vec<Client> {
    let all = sessions.into_iter().map(Client::of_session);
    let all = all.chain(consents.into_iter().map(Client::of_consent));
    let mut clients: Vec<Client> = Vec::new();
    for one in all {
        match clients.iter_mut().find(|known| known.id == one.id) {
            Some(known) => known.join(one),
            None => clients.push(one),
        }
    }
    clients.sort_by_key(|client| std::cmp::Reverse((client.sessions > 0, client.used)));
    clients
}

pub async fn show(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let store = &visit.app.store;
    let sessions = store.oauth_sessions_of(account.id).await?;
    let consents = store.authorized_clients_of(account.id).await?;
    // Sessions hold their permission sets written out, so that nobody need be asked what they stand for.
    let sets = PermissionSets::default();
    let words = Words { t: visit.t, sets: &sets, email: account.email.as_deref() };
    let row = |client: Client| Row {
        host: display_host(&visit.app, &client.id),
        place: place(&client.id).unwrap_or_default(),
        client_id: client.id,
        sessions: client.sessions,
        since: time(client.since),
        used: time(client.used),
        lines: words.lines(&client.scopes),
    };
    visit.html(&Apps {
        page: visit.page(visit.t.apps_title()),
        t: visit.t,
        action: Local::of_account(&account.did, "/apps").to_string(),
        apps: by_client(sessions, consents).into_iter().map(row).collect(),
    })
}

/// Where an app on the person's own device wants its answers: its name says so.
fn place(client_id: &str) -> Option<String> {
    let name = Url::parse(client_id).ok().filter(|url| url.scheme() == "http")?;
    let (_, redirect) = name.query_pairs().find(|(key, _)| key == "redirect_uri")?;
    let redirect = Url::parse(&redirect).ok()?;
    Some(redirect[url::Position::BeforeHost..url::Position::AfterPort].to_owned())
}

/// Shuts one client out, or all of them: their sessions end, and what was agreed to is forgotten.
pub async fn end(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let back = Local::of_account(&account.did, "/apps");
    if visit.form.has("all") {
        visit.app.store.forget_authorized_clients(account.id).await?;
        return visit.redirect_saying(back, Flash::AppsShutOut);
    }
    visit.app.store.forget_authorized_client(account.id, visit.form.exact("client")).await?;
    visit.redirect_saying(back, Flash::AppShutOut)
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn an_app_on_the_device_is_told_by_where_it_listens() {
        let listens =
            "http://localhost?scope=atproto&redirect_uri=http%3A%2F%2F127.0.0.1%3A8125%2Fcallback";
        assert_eq!(place(listens).as_deref(), Some("127.0.0.1:8125"));
        for other in [
            "http://localhost",
            "https://app.example/client.json?redirect_uri=http://a.example",
            "no url",
        ] {
            assert_eq!(place(other), None, "{other}");
        }
    }
}
