//! Language and theme, remembered by this browser.

use super::cookies::{Cookie, Keep, LONGEST_SECONDS};
use super::i18n::Language;
use super::page::Theme;
use super::route::{PageResult, Route, Who, post};
use super::visit::Visit;

pub(super) fn routes() -> Vec<Route> {
    vec![post("/account/preferences", Who::Anyone, set)]
}

/// One button was pressed: a language or a theme.
async fn set(visit: Visit) -> PageResult {
    let keep = Keep::Seconds(LONGEST_SECONDS);
    if let Some(language) = Language::by_tag(visit.form.get("language")) {
        visit.cookies.set(Cookie::Language, language.tag(), keep);
    }
    if visit.form.has("theme") {
        match Theme::by_name(visit.form.get("theme")) {
            Theme::Auto => visit.cookies.remove(Cookie::Theme),
            theme => visit.cookies.set(Cookie::Theme, theme.name(), keep),
        }
    }
    match visit.next() {
        Some(next) => visit.redirect(next),
        None => visit.redirect("/"),
    }
}
