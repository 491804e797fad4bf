//! The pages, as somebody with a browser meets them.

mod app_passwords;
mod apps;
mod console;
mod console_accounts;
mod console_moderation;
mod console_network;
mod data;
mod email;
mod factors;
mod handle;
mod invites;
mod moving;
mod password;
mod records;
mod restore;
mod sessions;
mod sign_in;
mod sign_up;
mod weight;

use cairn_tests::{Browser, PASSWORD, TestPds, View};

const SIGN_IN: &str = "/account/sign-in";

/// Signs in and stays signed in.
async fn sign_in(browser: &mut Browser, name: &str) -> View {
    let fields = [("username", name), ("password", PASSWORD), ("remember", "1")];
    browser.fill(SIGN_IN, &fields).await
}

/// A browser that is signed in to an account.
async fn signed_in(pds: &TestPds, name: &str) -> Browser {
    let mut browser = Browser::new(pds);
    let view = sign_in(&mut browser, name).await;
    assert_eq!(view.status, 303, "{view:?}");
    browser
}
