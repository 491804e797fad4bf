//! `/account/u/{account}/password/remove`: doing without a password.
//!
//! Afterwards a passkey opens the account alone, so one does it on the page itself. Who loses all of them sets a new password by
//! mail and then shows another factor, as everybody does: both must be there before.

use askama::Template;
use cairn_store::{Account, RemovePasswordError};

use crate::accounts::identity::shown_handle;
use crate::mail::letters::Event;

use super::super::error::PageError;
use super::super::form::Form;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::alert;
use super::owner;
use super::passkey::{self, Act, Ask, Purpose};
use super::password;

#[derive(Template)]
#[template(path = "account/no_password.html")]
struct NoPassword {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    /// Where a password for those is set who have lost their passkeys.
    email: String,
    /// For password managers.
    handle: String,
    /// What has to be there first.
    missing: Missing,
    /// Whether there is a second passkey for when one is lost.
    has_spare: bool,
    /// Any passkey of this server that is its account's.
    ask: Ask,
}

struct Missing {
    passkey: bool,
    /// A confirmed address.
    email: bool,
    /// Recovery codes, an authenticator app or mailed codes.
    factor: bool,
}

impl Missing {
    async fn of(visit: &Visit, account: &Account) -> Result<Self, PageError> {
        let store = &visit.app.store;
        let has = store.second_factors(account.id).await?;
        let passkeys = store.passkeys(account.id).await?;
        Ok(Self {
            passkey: !passkeys.iter().any(|passkey| passkey.uv_initialized),
            email: account.email.is_none() || account.email_confirmed_at.is_none(),
            factor: !has.any_besides_passkeys(account),
        })
    }

    fn anything(&self) -> bool {
        self.passkey || self.email || self.factor
    }
}

impl NoPassword {
    async fn new(visit: &Visit, form: Form) -> Result<Self, PageError> {
        let account = &visit.account()?.account;
        let mut page = visit.page(visit.t.no_password_title());
        page.load("passkey.js");
        let passkeys = visit.app.store.passkeys(account.id).await?;
        let good = passkeys.iter().filter(|passkey| passkey.uv_initialized);
        Ok(Self {
            page,
            t: visit.t,
            form,
            base: Local::of_account(&account.did, "").to_string(),
            email: account.email.clone().unwrap_or_default(),
            handle: shown_handle(account),
            missing: Missing::of(visit, account).await?,
            has_spare: good.clone().count() > 1 || good.clone().any(|passkey| passkey.backed_up),
            ask: Ask::to_use(visit, Purpose::Act(account, Act::RemovePassword), &[]),
        })
    }
}

pub async fn show(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    if visit.account()?.account.password_hash.is_none() {
        return visit.redirect(visit.account_page("/password")?);
    }
    visit.html(&NoPassword::new(&visit, Form::new()).await?)
}

pub async fn submit(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let (t, account) = (visit.t, &visit.account()?.account);
    let Some(stored) = account.password_hash.as_deref() else {
        return visit.redirect(visit.account_page("/password")?);
    };
    let mut form = Form::new();
    // What is missing stands on the page; nobody is to touch a passkey for nothing.
    if Missing::of(&visit, account).await?.anything() {
        form.refuse("", t.no_password_first());
        return visit.refused(&NoPassword::new(&visit, form).await?);
    }
    // A recent sign-in and a passkey are not enough: whoever sits at somebody else's browser could add a passkey first.
    password::check_current(&visit, account, stored, &mut form).await?;
    if form.is_refused() {
        return visit.refused(&NoPassword::new(&visit, form).await?);
    }
    let purpose = Purpose::Act(account, Act::RemovePassword);
    if let Err(refusal) = passkey::check(&visit, purpose).await? {
        form.refuse("", owner::words(refusal, t));
        return visit.refused(&NoPassword::new(&visit, form).await?);
    }
    match visit.app.store.remove_password(account.id, alert::client_of(&visit)).await {
        Ok(()) => {}
        Err(
            RemovePasswordError::NoPasskey
            | RemovePasswordError::EmailUnconfirmed
            | RemovePasswordError::NoOtherFactor,
        ) => {
            form.refuse("", t.no_password_first());
            return visit.refused(&NoPassword::new(&visit, form).await?);
        }
        Err(RemovePasswordError::NoAccount(_)) => return Err(PageError::NotFound),
        Err(RemovePasswordError::Store(err)) => return Err(err.into()),
    }
    alert::tell(&visit, account, Event::PasswordRemoved);
    visit.redirect_saying(visit.account_page("/password")?, Flash::PasswordRemoved)
}
