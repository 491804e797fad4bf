//! The answer on its way to the app.
//!
//! Browsers hold every redirect after a form, those of the app's site too, against the `form-action` of the page with the
//! form. What the app does with the browser is the app's business, so that a form of ours ends on a page that goes on.

use askama::Template;
use cairn_oauth::request::Response;
use http::{HeaderValue, header};
use url::Url;

use crate::error::XrpcError;

use super::super::i18n::Text;
use super::super::page::{Allowed, Page};
use super::super::route::PageResult;
use super::super::visit::Visit;

/// A form that the person's browser posts to the app, by itself where scripts run.
/// <https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html>
#[derive(Template)]
#[template(path = "oauth/leaving.html")]
struct Leaving {
    page: Page,
    t: Text,
    action: String,
    fields: Vec<(&'static str, String)>,
}

/// A page that the browser leaves at once, and that has a link for those that do not.
#[derive(Template)]
#[template(path = "oauth/going_on.html")]
struct GoingOn {
    page: Page,
    t: Text,
    url: String,
}

/// Sends the browser back to the app, perhaps after a form. Where to was checked when the request was pushed.
pub fn leave(visit: &Visit, response: Response) -> PageResult {
    match response {
        Response::Redirect(url) if is_web(&url) => go_on(visit, &url),
        response => from_app(visit, response),
    }
}

/// The same for a browser that came from the app, without a form of ours on the way.
pub fn from_app(visit: &Visit, response: Response) -> PageResult {
    match response {
        Response::Redirect(url) => visit.leave(&url),
        Response::FormPost { action, fields } => {
            let page = visit.page(visit.t.authorize_leaving_title());
            let leaving = Leaving { page, t: visit.t, action: action.into(), fields };
            visit.html_allowing(&leaving, Allowed::forms_anywhere())
        }
    }
}

/// What a page with a form must be allowed, so that its answer reaches the app: an app with a scheme of its own is opened
/// by the redirect itself, since browsers open apps only for what a person has just done.
pub fn allowed_for(redirect_uri: &Url) -> Allowed {
    if is_web(redirect_uri) { Allowed::default() } else { Allowed::forms_to(redirect_uri) }
}

fn go_on(visit: &Visit, url: &Url) -> PageResult {
    let page = visit.page(visit.t.authorize_leaving_title());
    let mut response = visit.html(&GoingOn { page, t: visit.t, url: url.to_string() })?;
    let refresh = HeaderValue::try_from(format!("0; url={url}")).map_err(XrpcError::internal)?;
    response.headers_mut().insert(header::REFRESH, refresh);
    Ok(response)
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "http")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_to_no_site_and_to_the_app_of_the_request() {
        let allowed = |url: &str| allowed_for(&url.parse().unwrap()).forms();
        assert_eq!(allowed("https://app.example/cb?a=1;b"), "; form-action 'self'");
        assert_eq!(allowed("http://127.0.0.1:8080/cb"), "; form-action 'self'");
        assert_eq!(allowed("com.example.app:/cb"), "; form-action 'self' com.example.app:");
    }
}
