//! What signing in takes besides the password.

mod app;
mod history;
mod no_password;
mod operator;
mod passkeys;
mod passkeys_refused;
mod recovery;
mod sign_up;
mod step_up;
mod trusted;

use std::time::Duration;

use cairn_factors::totp;
use cairn_identity::Clock;
use cairn_tests::{Authenticator, Browser, Ceremony, PASSWORD, Reply, TestAccount, TestPds, View};
use data_encoding::BASE32_NOPAD;
use serde_json::json;

use super::{SIGN_IN, signed_in};

pub(super) const CODE: &str = "/account/sign-in/code";
const STEP: Duration = Duration::from_secs(30);

/// A page below those of what signing in takes.
pub(super) fn path(of: &TestAccount, rest: &str) -> String {
    format!("/account/u/{}/security{rest}", of.did)
}

/// An authenticator app.
#[derive(Clone)]
pub(super) struct App(Vec<u8>);

impl App {
    fn code(&self, pds: &TestPds) -> String {
        totp::code(&self.0, totp::step_at(pds.world.clock().now().as_second()))
    }
}

/// Begins to set an app up: the secret, as the page shows it.
pub(super) async fn begin_app(of: &TestAccount, browser: &mut Browser) -> App {
    browser.get(&path(of, "")).await;
    let view = browser.submit(&path(of, "/app"), &[]).await;
    let view = browser.follow(&view).await;
    let (_, after) = view.html.split_once("id=\"secret\"").unwrap_or_else(|| panic!("{view:?}"));
    let text = after.split_once('>').unwrap().1.split('<').next().unwrap().replace(' ', "");
    App(BASE32_NOPAD.decode(text.as_bytes()).unwrap())
}

/// Sets an app up. The recovery codes, if the account gets them with it.
pub(super) async fn add_app(
    pds: &TestPds,
    of: &TestAccount,
    browser: &mut Browser,
) -> (App, Vec<String>) {
    let app = begin_app(of, browser).await;
    let view = browser.submit(&path(of, "/app"), &[("code", &app.code(pds))]).await;
    let codes = if view.status == 200 { codes(&view) } else { Vec::new() };
    assert!(view.status == 200 || view.location == path(of, ""), "{view:?}");
    (app, codes)
}

/// The codes that a page shows.
fn codes(view: &View) -> Vec<String> {
    let (_, list) = view.html.split_once("id=\"codes\"").unwrap_or_else(|| panic!("{view:?}"));
    let list = list.split("</ol>").next().unwrap();
    list.split("<li>").skip(1).map(|code| code[..11].to_owned()).collect()
}

/// Adds a passkey.
pub(super) async fn add_passkey(
    pds: &TestPds,
    of: &TestAccount,
    browser: &mut Browser,
) -> Authenticator {
    add_passkey_with(pds, of, browser, Some(0)).await
}

/// Adds a passkey that has signed so often before.
async fn add_passkey_with(
    pds: &TestPds,
    of: &TestAccount,
    browser: &mut Browser,
    count: Option<u32>,
) -> Authenticator {
    let page = browser.get(&path(of, "/passkeys")).await;
    let mut authenticator = Authenticator::for_page(&page);
    authenticator.count = count;
    make_passkey(pds, of, browser, &mut authenticator).await;
    authenticator
}

/// Adds the passkey of an authenticator.
async fn make_passkey(
    pds: &TestPds,
    of: &TestAccount,
    browser: &mut Browser,
    authenticator: &mut Authenticator,
) {
    let page = browser.get(&path(of, "/passkeys")).await;
    let sent = authenticator.make(&Ceremony::of(pds, &page));
    let view = post(browser, &path(of, "/passkeys"), sent, &[("label", "Phone")]).await;
    assert!(view.status == 200 || view.location == path(of, ""), "{view:?}");
}

/// Sends what a script has filled in, and other fields.
async fn post(
    browser: &mut Browser,
    path: &str,
    sent: Vec<(&'static str, String)>,
    more: &[(&str, &str)],
) -> View {
    let sent = sent.iter().map(|(name, value)| (*name, value.as_str()));
    let fields: Vec<(&str, &str)> = sent.chain(more.iter().copied()).collect();
    browser.submit(path, &fields).await
}

/// A browser in which somebody has given the password, and the page that asks for more.
pub(super) async fn after_password(pds: &TestPds, name: &str) -> (Browser, View) {
    let mut browser = Browser::new(pds);
    let fields = [("username", name), ("password", PASSWORD), ("remember", "1")];
    let view = browser.fill(SIGN_IN, &fields).await;
    assert!(view.location.starts_with(CODE), "{view:?}");
    let view = browser.follow(&view).await;
    (browser, view)
}

/// Shows a code on the page that asks for more.
async fn show_code(browser: &mut Browser, page: &View, with: &str, code: &str) -> View {
    let pending = page.field("pending");
    browser.submit(CODE, &[("pending", &pending), ("with", with), ("code", code)]).await
}

/// `createSession` with the account's password.
async fn create_session(pds: &TestPds, of: &TestAccount, token: Option<&str>) -> Reply {
    let input = json!({ "identifier": of.did, "password": PASSWORD, "authFactorToken": token });
    pds.anyone.call("com.atproto.server.createSession", input).await
}

/// Signs in on another browser with a passkey and nothing else.
async fn alone(pds: &TestPds, key: &mut Authenticator) -> (Browser, View) {
    let mut browser = Browser::new(pds);
    let page = browser.get(SIGN_IN).await;
    let sent = key.sign(&Ceremony::of(pds, &page));
    let view = post(&mut browser, "/account/sign-in/passkey", sent, &[("remember", "1")]).await;
    (browser, view)
}
