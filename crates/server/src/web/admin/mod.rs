//! The operator's console, behind the admin password.
//!
//! The password is asked for once in a browser. What the browser gets then is a cookie that only this server can make, that
//! is good for this very browser, until a time, and as long as the password is the same: nothing is stored.

mod sign_in;

use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

use super::cookies::{Cookie, Keep};
use super::route::{Route, Who, get, post};
use super::visit::Visit;
use crate::limits::Bucket;

/// After this time the password is asked for again.
const SIGNED_IN_SECONDS: u32 = 12 * 3_600;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/admin/sign-in", Who::Anyone, sign_in::show),
        post("/admin/sign-in", Who::Anyone, sign_in::submit).limits(&[Bucket::AdminSignIn]),
        post("/admin/sign-out", Who::Admin, sign_in::leave),
    ]
}

/// Whether the operator is signed in in this browser.
pub(super) fn is_signed_in(visit: &Visit) -> bool {
    let Some((until, seal)) = visit.cookies.get(Cookie::Admin).and_then(|it| it.split_once('.'))
    else {
        return false;
    };
    let (Ok(seconds), Some(expected)) = (until.parse::<i64>(), seal_until(visit, until)) else {
        return false;
    };
    seconds > visit.app.now_seconds() && bool::from(expected.as_bytes().ct_eq(seal.as_bytes()))
}

fn remember(visit: &Visit) {
    let until = visit.app.now_seconds().saturating_add(i64::from(SIGNED_IN_SECONDS)).to_string();
    if let Some(seal) = seal_until(visit, &until) {
        let value = format!("{until}.{seal}");
        visit.cookies.set(Cookie::Admin, &value, Keep::Seconds(SIGNED_IN_SECONDS));
    }
}

/// `None` without a password, or in a browser without a cookie.
fn seal_until(visit: &Visit, until: &str) -> Option<String> {
    let password = visit.app.config.admin_password.as_ref()?;
    let parts = [visit.brought_secret()?.as_bytes(), until.as_bytes(), password.expose()];
    Some(BASE64URL_NOPAD.encode(&visit.app.web.sealer.seal("admin", &parts)))
}
