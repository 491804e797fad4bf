//! Whether the world around the server is as it has to be: what an operator would otherwise hear from users, or from nobody.
//!
//! Each check looks from outside in where it can: through the guarded client, at the public address.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use cairn_identity::{FetchError, FetchRequest};
use cairn_store::Account;
use data_encoding::{BASE32_NOPAD, BASE64};
use futures_util::future::{BoxFuture, join_all};
use http::{HeaderValue, StatusCode, header};
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::net::lookup_host;
use tokio::time::timeout;
use url::Url;

use crate::app::App;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// The public address leads to this server.
    PublicUrl,
    /// The server's DID document names that address.
    ServiceDid,
    /// WebSockets get through whatever stands before the server.
    WebSocket,
    /// Names below a domain of handles lead to where the server is.
    HandleNames,
    /// A handle leads to its account.
    Handle,
    /// The clock is that of others.
    Clock,
    /// Clients are told apart.
    ClientAddress,
    /// A relay follows.
    Relay,
    /// There is room on the disk.
    Disk,
    /// Mail goes out.
    Mail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    /// Worth a look.
    Doubtful,
    Bad,
    /// There is nothing to check here.
    Skipped,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub check: Check,
    /// Of several of the kind, which.
    pub about: String,
    pub verdict: Verdict,
    /// As it was seen: an address, a status, an error.
    pub seen: String,
}

/// No check takes longer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Accounts that are looked through for a handle of each domain.
const ACCOUNTS: u32 = 200;
/// What clocks that are kept differ by, and the answer's way.
const CLOSE: SignedDuration = SignedDuration::from_secs(5);
/// Beyond this, proofs of OAuth clients and service tokens are refused.
const FAR: SignedDuration = SignedDuration::from_secs(30);

/// Makes all checks at once. `client_ip` is where the operator seems to be.
pub(crate) async fn run(app: &App, client_ip: IpAddr) -> Vec<Finding> {
    let accounts = app.store.list_accounts(None, ACCOUNTS).await.unwrap_or_default();
    let mut checks: Vec<BoxFuture<'_, Finding>> =
        vec![Box::pin(public_url(app)), Box::pin(service_did(app)), Box::pin(web_socket(app))];
    for domain in &app.config.handle_domains {
        checks.push(Box::pin(handle_names(app, domain)));
        checks.push(Box::pin(handle(app, domain, &accounts)));
    }
    checks.push(Box::pin(clock(app)));
    for relay in app.relays.all() {
        checks.push(Box::pin(async move {
            relay.ask_standing(app).await;
            let said = relay.heard().standing.map(|said| said.answer);
            let standing = said.and_then(|answer| answer.standing());
            let status = standing.and_then(|it| it.status).unwrap_or_default();
            let verdict = match status.as_str() {
                "active" | "idle" => Verdict::Good,
                "offline" | "throttled" | "banned" => Verdict::Bad,
                _ => Verdict::Doubtful,
            };
            Check::Relay.of(relay.url.as_str(), verdict, status)
        }));
    }
    let mut findings = join_all(checks).await;
    findings.extend([client_address(app, client_ip), disk(app), mail(app)]);
    findings
}

impl Check {
    fn found(self, verdict: Verdict, seen: impl Into<String>) -> Finding {
        self.of("", verdict, seen)
    }

    fn of(self, about: &str, verdict: Verdict, seen: impl Into<String>) -> Finding {
        Finding { check: self, about: about.to_owned(), verdict, seen: seen.into() }
    }
}

#[derive(Deserialize)]
struct Description {
    did: String,
}

async fn public_url(app: &App) -> Finding {
    let check = Check::PublicUrl;
    let url = &app.config.public_url;
    let asked = get(app, &format!("{url}/xrpc/com.atproto.server.describeServer")).await;
    match asked.and_then(|response| response.json::<Description>()) {
        Ok(it) if it.did == app.config.service_did.as_str() => check.of(url, Verdict::Good, it.did),
        Ok(it) => check.of(url, Verdict::Bad, it.did),
        Err(err) => check.of(url, Verdict::Bad, err.to_string()),
    }
}

async fn service_did(app: &App) -> Finding {
    let check = Check::ServiceDid;
    let did = &app.config.service_did;
    match timeout(PATIENCE, app.resolver.did(did, true)).await {
        Ok(Ok(document)) => {
            let endpoint = document.pds_endpoint().unwrap_or_default();
            let is_right = endpoint.trim_end_matches('/') == app.config.public_url;
            let verdict = if is_right { Verdict::Good } else { Verdict::Bad };
            check.of(did.as_str(), verdict, endpoint)
        }
        Ok(Err(err)) => check.of(did.as_str(), Verdict::Bad, err.to_string()),
        Err(_) => check.of(did.as_str(), Verdict::Bad, FetchError::Timeout.to_string()),
    }
}

/// The opening handshake of RFC 6455, which is all that proxies have an opinion about.
async fn web_socket(app: &App) -> Finding {
    let check = Check::WebSocket;
    let url = format!("{}/xrpc/com.atproto.sync.subscribeRepos", app.config.public_url);
    let Ok(url) = url.parse::<Url>() else { return check.found(Verdict::Bad, url) };
    let key = BASE64.encode(&cairn_identity::random_bytes::<16>());
    let Ok(key) = HeaderValue::try_from(key) else { return check.found(Verdict::Skipped, "") };
    let request = FetchRequest::get(url)
        .header(header::CONNECTION, HeaderValue::from_static("Upgrade"))
        .header(header::UPGRADE, HeaderValue::from_static("websocket"))
        .header(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
        .header(header::SEC_WEBSOCKET_KEY, key)
        .no_redirects();
    match timeout(PATIENCE, over_http1(app, request)).await {
        Ok(Ok(response)) if response.status == StatusCode::SWITCHING_PROTOCOLS => {
            check.found(Verdict::Good, response.status.to_string())
        }
        Ok(Ok(response)) => check.found(Verdict::Bad, response.status.to_string()),
        Ok(Err(err)) => check.found(Verdict::Bad, err.to_string()),
        Err(_) => check.found(Verdict::Bad, FetchError::Timeout.to_string()),
    }
}

/// Over HTTP/2 there are no upgrades, and clients of WebSockets do not speak it.
async fn over_http1(
    app: &App,
    request: FetchRequest,
) -> Result<cairn_identity::StreamedResponse, FetchError> {
    app.http.over_http1()?.send(request).await
}

/// Looks up a name that nobody has: without a wildcard in DNS, a new account's handle leads nowhere.
async fn handle_names(app: &App, domain: &str) -> Finding {
    let check = Check::HandleNames;
    if app.config.dev_mode {
        return check.of(domain, Verdict::Skipped, "");
    }
    let label = BASE32_NOPAD.encode(&cairn_identity::random_bytes::<10>()).to_ascii_lowercase();
    let name = format!("{label}{domain}");
    match (addresses(&name).await, addresses(&app.config.hostname).await) {
        (Err(err), _) => check.of(domain, Verdict::Bad, err.to_string()),
        (_, Err(err)) => check.of(domain, Verdict::Bad, err.to_string()),
        (Ok(names), Ok(hosts)) => {
            let seen = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            // Another proxy may serve the handles.
            let is_same = !names.is_disjoint(&hosts);
            check.of(domain, if is_same { Verdict::Good } else { Verdict::Doubtful }, seen)
        }
    }
}

async fn addresses(name: &str) -> std::io::Result<HashSet<IpAddr>> {
    let found = timeout(PATIENCE, lookup_host((name, 443))).await;
    let found = found.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    Ok(found.map(|address| address.ip()).collect())
}

/// Asks for the DID of a handle that somebody has, as the network does.
async fn handle(app: &App, domain: &str, accounts: &[Account]) -> Finding {
    let check = Check::Handle;
    let under = |account: &&Account| {
        let handle = account.handle.as_ref();
        account.is_active() && handle.is_some_and(|handle| handle.as_str().ends_with(domain))
    };
    let found = accounts.iter().find(under).and_then(|it| Some((it.handle.as_ref()?, &it.did)));
    let Some((handle, did)) = found.filter(|_| !app.config.dev_mode) else {
        return check.of(domain, Verdict::Skipped, "");
    };
    match get(app, &format!("https://{handle}/.well-known/atproto-did")).await {
        Ok(response) => {
            let said = String::from_utf8_lossy(&response.body);
            let said: String = said.trim().chars().take(100).collect();
            let is_right = response.status.is_success() && said == did.as_str();
            let verdict = if is_right { Verdict::Good } else { Verdict::Bad };
            check.of(handle.as_str(), verdict, format!("{} {said}", response.status.as_u16()))
        }
        Err(err) => check.of(handle.as_str(), Verdict::Bad, err.to_string()),
    }
}

/// Compares the clock with that of the PLC directory, and with the newest event.
async fn clock(app: &App) -> Finding {
    let check = Check::Clock;
    let now = app.now_micros();
    if app.store.events().head_seq() > now.saturating_add(1_000_000) {
        return check.found(Verdict::Bad, app.clock.now().to_string());
    }
    let asked = get(app, &format!("{}/_health", app.plc.base_url().trim_end_matches('/'))).await;
    let date = asked.ok().and_then(|response| {
        let text = response.headers.get(header::DATE)?.to_str().ok()?.to_owned();
        rfc2822::parse(&text).ok().map(|date| date.timestamp())
    });
    let Some(date) = date else { return check.found(Verdict::Skipped, "") };
    let verdict = match app.clock.now().duration_since(date).abs() {
        apart if apart <= CLOSE => Verdict::Good,
        apart if apart <= FAR => Verdict::Doubtful,
        _ => Verdict::Bad,
    };
    check.found(verdict, format!("{} / {}", shown(app.clock.now()), shown(date)))
}

fn shown(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// Behind a proxy that does not say who asks, all clients are one: they share their rate limits.
fn client_address(app: &App, client_ip: IpAddr) -> Finding {
    let is_public = app.config.public_url.starts_with("https:");
    let is_near = match client_ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
    };
    let verdict = match (is_public, is_near) {
        (false, _) => Verdict::Skipped,
        (true, true) => Verdict::Doubtful,
        (true, false) => Verdict::Good,
    };
    Check::ClientAddress.found(verdict, client_ip.to_string())
}

fn disk(app: &App) -> Finding {
    match app.store.require_space() {
        Ok(()) => Check::Disk.found(Verdict::Good, ""),
        Err(err) => Check::Disk.found(Verdict::Bad, err.to_string()),
    }
}

fn mail(app: &App) -> Finding {
    let waiting = app.outbox.waiting(app.clock.now());
    let verdict = if waiting.is_empty() { Verdict::Good } else { Verdict::Doubtful };
    let seen = waiting.into_iter().next().map(|it| it.reason.to_string()).unwrap_or_default();
    Check::Mail.found(verdict, seen)
}

async fn get(app: &App, url: &str) -> Result<cairn_identity::FetchResponse, FetchError> {
    let url = url.parse().map_err(|_| FetchError::Url)?;
    timeout(PATIENCE, app.http.fetch(FetchRequest::get(url)))
        .await
        .unwrap_or(Err(FetchError::Timeout))
}
