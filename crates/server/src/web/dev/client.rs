//! `/dev/client`: a small app that signs somebody in by OAuth, for who writes apps. Only in development.
//!
//! It is an app on the person's own device: its client id is `http://localhost`, and people come back to it at a loopback
//! address, never at `localhost` (<https://atproto.com/specs/oauth#localhost-client-development>). So it lives at
//! `127.0.0.1`, beside the server at `localhost`: two origins, as in earnest.

use askama::Template;
use http::header;
use url::Url;

use super::super::assets;
use super::super::error::PageError;
use super::super::form::Form;
use super::super::i18n::Text;
use super::super::page::{Allowed, Page};
use super::super::route::PageResult;
use super::super::visit::Visit;

pub(super) const PATH: &str = "/dev/client";
/// Enough to show an address, a permission that can be left out, and a post.
const SCOPE: &str = "atproto account:email repo:app.bsky.feed.post";

#[derive(Template)]
#[template(path = "dev/client.html")]
struct Client {
    page: Page,
    t: Text,
    form: Form,
    script: &'static str,
    issuer: String,
}

/// Where the app lives: none where the server itself does not live on this machine.
pub(super) fn address(public_url: &str) -> Option<Url> {
    let mut url = Url::parse(public_url).ok()?;
    if url.scheme() != "http" || url.host_str() != Some("localhost") {
        return None;
    }
    url.set_host(Some("127.0.0.1")).ok()?;
    url.set_path(PATH);
    Some(url)
}

pub(super) async fn show(visit: Visit) -> PageResult {
    let issuer = visit.app.config.public_url.clone();
    let address = address(&issuer).ok_or(PageError::NotFound)?;
    let host = visit.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if host != Some(address.authority()) {
        return visit.leave(&address);
    }
    let mut page = visit.page("Demonstration client");
    page.load("client.js");
    let mut form = Form::new();
    form.set("scope", SCOPE);
    let allowed = Allowed::requests_to(&issuer);
    let script = assets::url("client.js");
    visit.html_allowing(&Client { page, t: visit.t, form, script, issuer }, allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_lives_beside_a_server_on_this_machine() {
        let at = |url: &str| address(url).map(String::from);
        assert_eq!(
            at("http://localhost:2583").as_deref(),
            Some("http://127.0.0.1:2583/dev/client")
        );
        assert_eq!(at("https://pds.example.com"), None);
    }
}
