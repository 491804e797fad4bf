//! The letter about a sign-in on a browser that was not known.

use std::sync::Arc;

use cairn_store::Account;

use crate::accounts::identity::shown_handle;
use crate::mail::letters::{self, SignInAlert};
use crate::mail::post;

use super::super::visit::Visit;

/// Writes to the owner, once the present request is answered.
pub fn new_browser(visit: &Visit, account: &Arc<Account>) {
    let Some(to) = account.email.clone().filter(|_| visit.app.config.sign_in_alerts) else {
        return;
    };
    let app = visit.app.clone();
    let account = Arc::clone(account);
    let user_agent = visit.user_agent();
    let ip = visit.client_ip.to_string();
    visit.app.tasks.spawn(async move {
        let handle = shown_handle(&account);
        let alert = SignInAlert { handle: &handle, browser: user_agent.as_deref(), address: &ip };
        let mail = letters::sign_in_alert(&app.config, &to, &alert, app.clock.now());
        if let Err(error) = post(&app, mail).await {
            tracing::warn!(did = %account.did, %error, "a sign-in alert was not sent");
        }
    });
}
