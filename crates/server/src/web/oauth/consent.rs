//! Who asks for what, and the person's answer.

use askama::Template;
use cairn_oauth::client::ClientMetadata;
use cairn_oauth::scope::{Power, Scopes};
use cairn_oauth::{OAuthError, OAuthErrorCode};
use cairn_store::OpenRequestError;

use crate::accounts::identity::shown_handle;
use crate::error::XrpcError;
use crate::oauth::authorize::{self, AuthorizeError};

use super::super::browser::SignedIn;
use super::super::error::PageError;
use super::super::form::Fields;
use super::super::i18n::Text;
use super::super::page::{Page, initial};
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::flow::Flow;
use super::words::{Line, Words};
use super::{inactive, leave, trouble};

/// The app, as far as anything about it is known. A client's name and logo are its own claims, so that only those of
/// clients are shown that the operator vouches for.
pub struct Asker {
    /// The host that answers for it; none for an app on the person's own device.
    pub host: Option<String>,
    pub name: Option<String>,
    pub logo: Option<String>,
    pub terms: Option<String>,
    pub privacy: Option<String>,
}

impl Asker {
    pub fn new(client: &ClientMetadata) -> Self {
        let is_trusted = client.is_trusted();
        let vouched = |url: Option<&url::Url>| url.filter(|_| is_trusted).map(ToString::to_string);
        Self {
            host: client.display_host().map(str::to_owned),
            name: client.name().filter(|_| is_trusted).map(str::to_owned),
            logo: vouched(client.logo_uri()),
            terms: vouched(client.tos_uri()),
            privacy: vouched(client.policy_uri()),
        }
    }

    /// What the app is called on pages.
    pub fn title(&self, t: Text) -> String {
        let known = self.name.as_ref().or(self.host.as_ref());
        known.cloned().unwrap_or_else(|| t.authorize_local_app().to_owned())
    }
}

#[derive(Template)]
#[template(path = "oauth/consent.html")]
struct Consent {
    page: Page,
    t: Text,
    asker: Asker,
    handle: String,
    initial: String,
    did: String,
    lines: Vec<Line>,
    /// Whether one of them can cost the account.
    is_grave: bool,
    request_uri: String,
    action: &'static str,
    choice_url: String,
    // What developers want to see.
    client_id: String,
    redirect_uri: String,
    scopes: Vec<String>,
}

/// The page on which the person decides.
pub fn show(visit: &Visit, flow: &Flow, who: &SignedIn) -> PageResult {
    let account = &who.account;
    let request = &flow.open.request;
    let did = account.did.to_string();
    let handle = shown_handle(account);
    let words = Words { t: visit.t, sets: &flow.open.sets, email: account.email.as_deref() };
    let asker = Asker::new(&flow.open.client);
    let mut page = visit.page(visit.t.consent_title(asker.title(visit.t)));
    page.here = flow.url(Some(&did)).to_string();
    let mut lines = words.lines(&request.scope);
    // What can cost the account is read first.
    lines.sort_by_key(|line| !line.is_grave());
    let consent = Consent {
        page,
        t: visit.t,
        asker,
        initial: initial(&handle),
        handle,
        did,
        is_grave: lines.iter().any(Line::is_grave),
        lines,
        request_uri: flow.open.uri.as_str().to_owned(),
        action: super::REQUEST,
        choice_url: flow.choice_url().to_string(),
        client_id: request.client_id.to_string(),
        redirect_uri: request.redirect_uri.as_str().to_owned(),
        scopes: request.scope.iter().map(ToString::to_string).collect(),
    };
    visit.html_allowing(&consent, leave::allowed_for(request.redirect_uri.url()))
}

/// `POST /oauth/authorize/request`: yes, no, or first activate the account. It counts for the account that the page was
/// shown for, in the browser that has opened the request.
pub async fn decide(visit: Visit) -> PageResult {
    let flow = Flow::open(&visit, visit.form.get("request_uri"), None).await?;
    let decision = visit.form.get("decision");
    if decision == "deny" {
        return deny(&visit, &flow).await;
    }
    let did = visit.form.get("account");
    let browser = visit.browser().await?;
    let who = browser.accounts.iter().find(|it| it.account.did.as_str() == did);
    let Some(who) = who.filter(|who| flow.is_recent(&visit, who)) else {
        return visit.redirect(flow.url(Some(did)));
    };
    if !flow.is_shown(&visit, who).await? {
        return visit.redirect(flow.url(Some(did)));
    }
    match decision {
        "allow" if who.account.is_active() => allow(&visit, &flow, who).await,
        "allow" => inactive::show(&visit, &flow, who, false),
        "activate" => inactive::activate(&visit, &flow, who).await,
        _ => Err(PageError::Failed(XrpcError::invalid_request("the form has no decision"))),
    }
}

async fn allow(visit: &Visit, flow: &Flow, who: &SignedIn) -> PageResult {
    let scopes = kept(&flow.open.request.scope, &visit.form);
    let account = &who.account;
    match authorize::grant(&visit.app, &flow.open, flow.device, account, &scopes).await {
        Ok(answer) => leave::leave(visit, answer),
        // Signed out on another page meanwhile.
        Err(AuthorizeError::Request(OpenRequestError::SignedOut)) => visit.redirect(flow.url(None)),
        Err(err) => Err(trouble::stop(visit, err)),
    }
}

async fn deny(visit: &Visit, flow: &Flow) -> PageResult {
    let error = OAuthError::new(OAuthErrorCode::AccessDenied, "the person said no");
    let answer = authorize::deny(&visit.app, &flow.open, &error).await?;
    leave::leave(visit, answer)
}

/// The scopes without those of the boxes that are not ticked.
fn kept(scopes: &Scopes, form: &Fields) -> Scopes {
    let ticked: Vec<&str> = form.all("keep").collect();
    let is_refused =
        |at: usize, power: &Power| *power != Power::SignIn && !ticked.contains(&&*at.to_string());
    let refused = scopes.grants().into_iter().enumerate();
    refused
        .filter(|(at, grant)| is_refused(*at, &grant.power))
        .fold(scopes.clone(), |kept, (_, grant)| kept.without(&grant.scopes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_that_is_not_ticked_takes_its_scopes_away() {
        let scopes = Scopes::parse(
            "atproto transition:email account:email repo:com.example.a repo:com.example.b",
        );
        let kept = |form: &[u8]| kept(&scopes, &Fields::parse(form).unwrap()).to_string();
        assert_eq!(kept(b"keep=1&keep=2"), scopes.to_string());
        assert_eq!(kept(b"keep=2"), "atproto repo:com.example.a repo:com.example.b");
        assert_eq!(kept(b"keep=1"), "atproto transition:email account:email");
        // Nothing but the grants of the request counts.
        assert_eq!(kept(b"keep=0&keep=9&keep=transition:generic&keep=01"), "atproto");
    }
}
