//! `/account/u/{account}/password`: a new password for who knows the old one, or has a passkey of an account without one.

use askama::Template;
use cairn_store::{Account, ChangedBy, DeviceId, EndSessions};

use super::super::error::PageError;
use super::super::form::{Fields, Form};
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::alert;
use super::owner;
use super::passkey::{Act, Ask};
use super::reset_password::check_chosen;
use crate::accounts::identity::shown_handle;
use crate::accounts::password;
use crate::limits::{Bucket, counted_as};
use crate::mail::letters::Event;

#[derive(Template)]
#[template(path = "account/password.html")]
struct Password {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    /// For password managers.
    handle: String,
    /// Whether there is an old one to ask for.
    has_password: bool,
    /// What is asked for in its place.
    ask: Option<Ask>,
}

impl Password {
    async fn new(visit: &Visit, form: Form) -> Result<Self, PageError> {
        let (t, account) = (visit.t, &visit.account()?.account);
        let has_password = account.password_hash.is_some();
        let title = if has_password { t.change_password_title() } else { t.set_password_title() };
        let mut page = visit.page(title);
        let ask = owner::ask(visit, account, Act::SetPassword, &mut page).await?;
        Ok(Self {
            page,
            t: visit.t,
            form,
            base: Local::of_account(&account.did, "").to_string(),
            handle: shown_handle(account),
            has_password,
            ask,
        })
    }
}

pub async fn show(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let mut form = Form::new();
    if visit.account()?.account.password_hash.is_some() {
        form.set("others", "1");
    }
    visit.html(&Password::new(&visit, form).await?)
}

pub async fn submit(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let account = &visit.account()?.account;
    let mut form = Form::of(&visit.form, &["others", "app_passwords"]);
    check(&visit, account, &mut form).await?;
    if form.is_refused() {
        return visit.refused(&Password::new(&visit, form).await?);
    }
    let hash = password::hash(&visit.app, visit.form.exact("password")).await?;
    let end = ending(&visit.form, visit.known_device().await?.id);
    let by = ChangedBy::Owner(alert::client_of(&visit));
    visit.app.store.set_password_hash(account.id, hash, end, by).await?;
    let is_first = account.password_hash.is_none();
    alert::tell(&visit, account, if is_first { Event::PasswordSet } else { Event::NewPassword });
    visit.redirect_saying(Local::of_account(&account.did, ""), Flash::PasswordChanged)
}

/// Whether the old password, or what stands in for it, is right and the new one good; the form says what is wrong.
async fn check(visit: &Visit, account: &Account, form: &mut Form) -> Result<(), PageError> {
    let (sent, t) = (&visit.form, visit.t);
    check_chosen(form, sent, t);
    let Some(stored) = account.password_hash.as_deref() else {
        // A passkey is used up by being shown.
        if !form.is_refused()
            && let Some(trouble) = owner::check(visit, account, Act::SetPassword).await?
        {
            form.refuse("", trouble);
        }
        return Ok(());
    };
    if !sent.exact("current").is_empty() && sent.exact("current") == sent.exact("password") {
        form.refuse("password", t.change_password_same());
    }
    check_current(visit, account, stored, form).await
}

/// Whether the password in the field `current` is the account's; the form says what is wrong.
pub async fn check_current(
    visit: &Visit,
    account: &Account,
    stored: &str,
    form: &mut Form,
) -> Result<(), PageError> {
    let (old, t) = (visit.form.exact("current"), visit.t);
    if old.is_empty() {
        form.refuse("current", t.change_password_current_missing());
        return Ok(());
    }
    // As at signing in: whoever sits at somebody else's browser cannot go on guessing here.
    let guesser = format!("{} {}", account.did, counted_as(visit.client_ip));
    visit.charge(Bucket::CreateSession, &guesser)?;
    if !password::verify(&visit.app, old, Some(stored)).await? {
        form.refuse("current", t.change_password_current_wrong());
    }
    Ok(())
}

/// What ends besides the old password. This browser stays signed in.
fn ending(sent: &Fields, here: DeviceId) -> EndSessions {
    match (sent.has("others"), sent.has("app_passwords")) {
        (_, true) => EndSessions::AllWithAppPasswords { except: Some(here) },
        (true, false) => EndSessions::AllExceptDevice(here),
        (false, false) => EndSessions::None,
    }
}
