//! The answer on its way to the app.

use askama::Template;
use cairn_oauth::request::Response;

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

/// Sends the browser back to the app. Where to was checked when the request was pushed.
pub fn leave(visit: &Visit, response: Response) -> PageResult {
    match response {
        Response::Redirect(url) => visit.leave(&url),
        Response::FormPost { action, fields } => {
            let allowed = Allowed::forms_to(&action);
            let page = visit.page(visit.t.authorize_leaving_title());
            let leaving = Leaving { page, t: visit.t, action: action.into(), fields };
            visit.html_allowing(&leaving, allowed)
        }
    }
}
