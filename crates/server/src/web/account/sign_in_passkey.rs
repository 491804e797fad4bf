//! `/account/sign-in/passkey`: signing in with a passkey instead of name and password. The authenticator has checked who it
//! is, so this is two factors in one, whatever else the account asks for after a password.

use cairn_store::{AccountRef, Factor};

use crate::accounts::session;

use super::super::browser::Shown;
use super::super::error::PageError;
use super::super::form::Form;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::passkey::{self, Purpose};
use super::sign_in::SignIn;
use super::signing_in;

pub async fn submit(visit: Visit) -> PageResult {
    let t = visit.t;
    let passkey = match passkey::check(&visit, Purpose::SignIn).await? {
        Ok(passkey) => passkey,
        Err(refusal) => return refuse(&visit, refusal.words(t)).await,
    };
    let whose = AccountRef::Id(passkey.account);
    let Some(account) = visit.app.store.account(whose.clone()).await? else {
        return match visit.app.store.applicant(whose).await? {
            Some(_) => visit.redirect("/account/sign-up/waiting"),
            None => Err(PageError::NotFound),
        };
    };
    if session::is_blocked(&account) {
        return refuse(&visit, t.sign_in_taken_down()).await;
    }
    let remember = visit.form.has("remember");
    let shown = Shown { account, remember, factors: vec![Factor::Passkey], trust: false };
    signing_in::enter(&visit, shown, visit.next()).await
}

async fn refuse(visit: &Visit, words: &str) -> PageResult {
    let mut form = Form::of(&visit.form, &["remember"]);
    form.refuse("", words);
    visit.refused(&SignIn::new(visit, form).await?)
}
