//! Letters to the owner about what somebody did to the account.

use cairn_store::{Account, SessionClient};

use crate::accounts::mailing;
use crate::mail::letters::Event;

use super::super::visit::Visit;

/// Writes about a sign-in on a browser that was not known, where the operator wants that.
pub fn new_browser(visit: &Visit, account: &Account) {
    if visit.app.config.sign_in_alerts {
        tell(visit, account, Event::SignIn);
    }
}

/// Writes to the owner, once the present request is answered: to the address that `account` has, in the language of the
/// visit.
pub fn tell(visit: &Visit, account: &Account, event: Event) {
    mailing::tell_later(&visit.app, visit.t, account, event, Some(client_of(visit)));
}

/// The browser of a visit, as its owner is told of it.
pub fn client_of(visit: &Visit) -> SessionClient {
    SessionClient { user_agent: visit.user_agent(), ip: Some(visit.client_ip.to_string()) }
}
