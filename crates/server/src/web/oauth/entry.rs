//! `GET /oauth/authorize`: where apps send people, and where these come back to once they have signed in.

use cairn_oauth::request::{Prompt, Response};
use cairn_oauth::{OAuthError, OAuthErrorCode};

use crate::oauth::authorize;

use super::super::account::ANEW;
use super::super::browser::{Browser, SignedIn};
use super::super::cookies::Cookie;
use super::super::error::PageError;
use super::super::local::Local;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::flow::{Flow, Next};
use super::{consent, inactive, leave, picker, trouble};

/// An app sends somebody here.
pub async fn enter(visit: Visit) -> PageResult {
    check_navigation(&visit)?;
    let (client_id, request_uri) = (visit.query.get("client_id"), visit.query.get("request_uri"));
    if client_id.is_empty() || request_uri.is_empty() {
        return trouble::not_pushed(&visit);
    }
    let flow = Flow::open(&visit, request_uri, Some(client_id)).await?;
    let browser = visit.browser().await?;
    if let Some(answer) = answer_unseen(&visit, &flow, browser).await? {
        return leave::from_app(&visit, answer);
    }
    // A page in the language that the app asks for, and all that follow.
    let is_chosen = visit.cookies.get(Cookie::Language).is_some();
    if !is_chosen && flow.language().is_some_and(|wish| wish != visit.t.language()) {
        return visit.redirect(flow.url(None));
    }
    go_on(&visit, &flow).await
}

/// Somebody comes back.
pub async fn come_back(visit: Visit) -> PageResult {
    check_navigation(&visit)?;
    let flow = Flow::open(&visit, visit.query.get("request_uri"), None).await?;
    go_on(&visit, &flow).await
}

async fn go_on(visit: &Visit, flow: &Flow) -> PageResult {
    let browser = visit.browser().await?;
    let next = match flow.next(visit, browser) {
        // Signed in before the account asked for more than the password.
        Next::Ask(who) if !flow.is_shown(visit, who).await? => {
            Next::SignIn(who.account.did.to_string())
        }
        next => next,
    };
    match next {
        Next::Ask(who) if who.account.is_active() => consent::show(visit, flow, who),
        Next::Ask(who) => inactive::show(visit, flow, who, false),
        Next::Choose => picker::show(visit, flow, browser),
        Next::SignIn(hint) => {
            flow.wait(visit).await?;
            visit.redirect(on_the_way("/account/sign-in", flow, &hint))
        }
        Next::SignUp => {
            flow.wait(visit).await?;
            visit.redirect(on_the_way("/account/sign-up", flow, ""))
        }
    }
}

/// A page of accounts that leads back to the request.
pub fn on_the_way(path: &'static str, flow: &Flow, hint: &str) -> Local {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if !hint.is_empty() {
        query.append_pair("login_hint", hint);
    }
    if flow.is_grave() {
        query.append_pair(ANEW, "1");
    }
    // Whoever signs in there is meant, be it somebody else than the hint says.
    query.append_pair("next", flow.url(None).as_str());
    Local::with_query(path, &query.finish())
}

/// The answer that needs no page: because the app wants none, or because the person it means has agreed to all of this
/// before, and nobody but that app can have asked.
async fn answer_unseen(
    visit: &Visit,
    flow: &Flow,
    browser: &Browser,
) -> Result<Option<Response>, PageError> {
    let wants_none = flow.open.request.prompt == Some(Prompt::None);
    let is_expected = flow.open.request.prompt.is_none() && flow.hint().is_some();
    if !wants_none && !is_expected {
        return Ok(None);
    }
    let problem = match flow.meant(browser).as_slice() {
        [] => unseen(OAuthErrorCode::LoginRequired, "nobody is signed in that the request means"),
        [who] => match obstacle(visit, flow, who).await? {
            None => return grant(visit, flow, who).await.map(Some),
            Some(problem) => problem,
        },
        _ => unseen(OAuthErrorCode::AccountSelectionRequired, "several accounts are signed in"),
    };
    if !wants_none {
        return Ok(None);
    }
    Ok(Some(authorize::deny(&visit.app, &flow.open, &problem).await?))
}

/// Why an account cannot agree without seeing a page.
async fn obstacle(
    visit: &Visit,
    flow: &Flow,
    who: &SignedIn,
) -> Result<Option<OAuthError>, PageError> {
    if !flow.is_recent(visit, who) || !flow.is_shown(visit, who).await? {
        let text = "the person must sign in again";
        return Ok(Some(unseen(OAuthErrorCode::LoginRequired, text)));
    }
    if !who.account.is_active() {
        return Ok(Some(unseen(OAuthErrorCode::InteractionRequired, "the account is not active")));
    }
    let must_ask = authorize::needs_consent(&visit.app, &flow.open, &who.account).await?;
    Ok(must_ask.then(|| unseen(OAuthErrorCode::ConsentRequired, "the person must agree first")))
}

fn unseen(code: OAuthErrorCode, text: &'static str) -> OAuthError {
    OAuthError::new(code, text)
}

async fn grant(visit: &Visit, flow: &Flow, who: &SignedIn) -> Result<Response, PageError> {
    let scope = &flow.open.request.scope;
    let granted = authorize::grant(&visit.app, &flow.open, flow.device, &who.account, scope).await;
    granted.map_err(|err| trouble::stop(visit, err))
}

/// Refuses what is not a person's navigation: frames, scripts of other sites, browsers that load ahead, and programs that
/// look what is behind a link.
fn check_navigation(visit: &Visit) -> Result<(), PageError> {
    let is = |name: &str, allowed: &str| {
        visit.headers.get(name).is_none_or(|value| value.as_bytes() == allowed.as_bytes())
    };
    let is_ahead = visit.headers.contains_key("sec-purpose") || visit.is_head;
    if is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document") && !is_ahead {
        return Ok(());
    }
    Err(PageError::Forbidden)
}
