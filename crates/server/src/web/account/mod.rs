//! Signing in and up, and the pages of an account.
//!
//! | path | who | what |
//! |---|---|---|
//! | `/account` | anyone | the accounts of this browser, to choose from |
//! | `/account/sign-in`, `/account/sign-in/code` | anyone | password, then whatever else the account wants |
//! | `/account/sign-in/passkey` | anyone | a passkey alone |
//! | `/account/sign-up`, `/account/reset-password`, `/account/confirm-email` | anyone | |
//! | `/account/sign-up/passkey` | anyone | a passkey for an account that gets no password |
//! | `/account/u/{account}…` | who is signed in to it | the account, by DID or handle |
//!
//! What leads here from elsewhere says where to go on to in `next`, and whom it is about in `login_hint`.

mod alert;
mod app_passwords;
mod apps;
mod change_email;
mod confirm_email;
mod data;
mod email;
pub(super) mod factors;
mod handle;
mod history;
mod invites;
pub(super) mod move_in;
mod new_app_password;
mod no_password;
mod overview;
mod own_domain;
mod owner;
mod passkey;
mod password;
mod picker;
mod records;
mod reset_password;
mod second_factor;
mod security;
mod sessions;
mod sign_in;
mod sign_in_passkey;
pub(super) mod sign_up;
mod sign_up_passkey;
mod signing_in;
mod trusted;
mod user_agent;

use crate::limits::Bucket;

use super::i18n::Text;
use super::icon;
use super::local::Local;
use super::route::{PageResult, Route, Who, get, post};
use super::visit::Visit;

pub(super) use apps::count as connected_apps;
pub(super) use data::why_not_active;
pub(super) use handle::refuse as refuse_handle;
pub(super) use passkey::Challenges;
pub(super) use reset_password::check_chosen;
pub(super) use sign_up::{Said, problem_text};
pub(super) use signing_in::ANEW;
pub(crate) use trusted::days as trusted_days;

pub(super) fn routes() -> Vec<Route> {
    let own = [signing_in_and_up(), pages_of_an_account(), names_and_password()];
    own.into_iter()
        .chain([security::routes(), records::routes(), data::routes()])
        .flatten()
        .collect()
}

fn signing_in_and_up() -> Vec<Route> {
    vec![
        get("/account", Who::Anyone, picker::show),
        get("/account/sign-in", Who::Anyone, sign_in::show),
        post("/account/sign-in", Who::Anyone, sign_in::submit),
        get("/account/sign-in/code", Who::Anyone, second_factor::show),
        post("/account/sign-in/code", Who::Anyone, second_factor::submit)
            .limits(&[Bucket::ResetPassword]),
        // Where somebody comes back to whose passkey was refused, as after choosing another language there.
        get("/account/sign-in/passkey", Who::Anyone, sign_in::show),
        post("/account/sign-in/passkey", Who::Anyone, sign_in_passkey::submit)
            .limits(&[Bucket::ResetPassword]),
        post("/account/sign-out", Who::Anyone, picker::sign_out),
        get("/account/sign-up", Who::Anyone, sign_up::show),
        post("/account/sign-up", Who::Anyone, sign_up::submit),
        // Where somebody comes back to after choosing another language there.
        get("/account/sign-up/passkey", Who::Anyone, sign_up::show),
        post("/account/sign-up/passkey", Who::Anyone, sign_up_passkey::submit),
        get("/account/sign-up/waiting", Who::Anyone, sign_up::waiting),
        get("/account/sign-up/handle", Who::Anyone, sign_up::availability),
        get("/account/move-in", Who::Anyone, move_in::show),
        post("/account/move-in", Who::Anyone, move_in::submit).limits(&[Bucket::MoveIn]),
        get("/account/reset-password", Who::Anyone, reset_password::show),
        post("/account/reset-password", Who::Anyone, reset_password::submit)
            .limits(&[Bucket::RequestPasswordReset]),
        get("/account/reset-password/confirm", Who::Anyone, reset_password::show_confirm),
        post("/account/reset-password/confirm", Who::Anyone, reset_password::confirm)
            .limits(&[Bucket::ResetPassword]),
        get("/account/confirm-email", Who::Anyone, confirm_email::show),
        post("/account/confirm-email", Who::Anyone, confirm_email::submit)
            .limits(&[Bucket::ResetPassword]),
        get("/.well-known/change-password", Who::Anyone, change_password),
    ]
}

fn pages_of_an_account() -> Vec<Route> {
    vec![
        get("/account/u/{account}", Who::Account, overview::show)
            .entry(Text::account_nav_overview, icon::ACCOUNT),
        get("/account/u/{account}/sessions", Who::Account, sessions::show)
            .entry(Text::account_nav_sessions, icon::DEVICE),
        post("/account/u/{account}/sessions", Who::Account, sessions::end),
        post("/account/u/{account}/sessions/browsers", Who::Account, sessions::end_browsers),
        post("/account/u/{account}/sessions/trusted", Who::Account, trusted::end),
        get("/account/u/{account}/sessions/history", Who::Account, history::show),
        get("/account/u/{account}/apps", Who::Account, apps::show)
            .entry(Text::account_nav_apps, icon::APPS),
        post("/account/u/{account}/apps", Who::Account, apps::end),
        get("/account/u/{account}/app-passwords", Who::Account, app_passwords::show)
            .entry(Text::account_nav_app_passwords, icon::KEY),
        post("/account/u/{account}/app-passwords", Who::Account, app_passwords::revoke),
        get("/account/u/{account}/app-passwords/new", Who::Account, new_app_password::show),
        post("/account/u/{account}/app-passwords/new", Who::Account, new_app_password::make),
        get("/account/u/{account}/invites", Who::Account, invites::show)
            .entry(Text::account_nav_invites, icon::TICKET)
            .only_where(invites::are_asked_for),
        post("/account/u/{account}/invites", Who::Account, invites::make)
            .only_where(invites::are_asked_for),
    ]
}

fn names_and_password() -> Vec<Route> {
    vec![
        get("/account/u/{account}/handle", Who::Account, handle::show),
        post("/account/u/{account}/handle", Who::Account, handle::submit),
        get("/account/u/{account}/handle/check", Who::Account, handle::availability),
        get("/account/u/{account}/handle/domain", Who::Account, own_domain::show),
        post("/account/u/{account}/handle/domain", Who::Account, own_domain::submit),
        get("/account/u/{account}/handle/domain/check", Who::Account, own_domain::check),
        get("/account/u/{account}/email", Who::Account, email::show),
        post("/account/u/{account}/email/send", Who::Account, email::send),
        post("/account/u/{account}/email/confirm", Who::Account, email::confirm)
            .limits(&[Bucket::ResetPassword]),
        get("/account/u/{account}/email/change", Who::Account, change_email::show),
        post("/account/u/{account}/email/change", Who::Account, change_email::submit)
            .limits(&[Bucket::ResetPassword]),
        post("/account/u/{account}/email/change/send", Who::Account, change_email::send),
        get("/account/u/{account}/password", Who::Account, password::show),
        post("/account/u/{account}/password", Who::Account, password::submit),
        get("/account/u/{account}/password/remove", Who::Account, no_password::show),
        post("/account/u/{account}/password/remove", Who::Account, no_password::submit),
    ]
}

/// Password managers look here: <https://w3c.github.io/webappsec-change-password-url/>.
async fn change_password(visit: Visit) -> PageResult {
    match visit.browser().await?.accounts.first() {
        Some(latest) => visit.redirect(Local::of_account(&latest.account.did, "/password")),
        None => visit.redirect("/account/reset-password"),
    }
}
