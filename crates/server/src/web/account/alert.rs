//! Letters to the owner about what somebody did to the account.

use std::sync::Arc;

use cairn_store::Account;

use crate::accounts::identity::shown_handle;
use crate::mail::letters::{self, Alert, Event};
use crate::mail::post;

use super::super::visit::Visit;

/// Writes about a sign-in on a browser that was not known, where the operator wants that.
pub fn new_browser(visit: &Visit, account: &Arc<Account>) {
    if visit.app.config.sign_in_alerts {
        tell(visit, account, Event::SignIn);
    }
}

/// Writes to the owner, once the present request is answered: to the address that `account` has, in the language of the
/// visit.
pub fn tell(visit: &Visit, account: &Arc<Account>, event: Event) {
    let Some(to) = account.email.clone() else { return };
    let (app, t) = (visit.app.clone(), visit.t);
    let account = Arc::clone(account);
    let user_agent = visit.user_agent();
    let ip = visit.client_ip.to_string();
    visit.app.tasks.spawn(async move {
        let handle = shown_handle(&account);
        let browser = user_agent.as_deref();
        let alert = Alert { event, handle: &handle, browser, address: &ip };
        let mail = letters::alert(&app.config, t, &to, &alert, app.clock.now());
        if let Err(error) = post(&app, mail).await {
            tracing::warn!(did = %account.did, ?event, %error, "the owner was not told");
        }
    });
}
