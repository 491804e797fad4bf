//! Signing in, signing up, and the pages of an account.

use super::route::{PageResult, Route, Who, get};
use super::visit::Visit;

pub(super) fn routes() -> Vec<Route> {
    vec![get("/.well-known/change-password", Who::Anyone, change_password)]
}

/// Password managers look here: <https://w3c.github.io/webappsec-change-password-url/>.
async fn change_password(visit: Visit) -> PageResult {
    visit.redirect("/account")
}
