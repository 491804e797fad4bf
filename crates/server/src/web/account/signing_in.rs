//! Signing in, step by step: the same for the sign-in page and for apps that send people here.

use std::sync::Arc;

use cairn_store::{Account, Factor};
use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

use crate::accounts::{identifier, password, session};
use crate::error::XrpcError;
use crate::limits::{Bucket, counted_as};

use super::super::browser::Shown;
use super::super::local::Local;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::{alert, factors, second_factor, trusted};

/// What became of a name and a password.
pub enum Checked {
    /// There is no such account, or it has another password.
    Wrong,
    /// The password is one that the owner made for an app.
    AppPassword,
    /// Moderation has taken the account down.
    TakenDown,
    /// The operator has not let them in yet.
    Waits,
    Right(Arc<Account>),
}

/// Checks what somebody has typed.
///
/// # Errors
/// 429 after too many attempts, and faults of the store.
pub async fn check(visit: &Visit, typed: &str, given: &str) -> Result<Checked, XrpcError> {
    let app = &visit.app;
    let name = identifier::typed(typed, &app.config.handle_domains);
    visit.charge(Bucket::CreateSession, &format!("{name} {}", counted_as(visit.client_ip)))?;
    let account = identifier::find(app, &name).await?;
    if account.is_none()
        && let Some(name) = identifier::name(&name)
        && let Some(applicant) = app.store.applicant(name).await?
    {
        let is_right = password::verify(app, given, applicant.password_hash.as_deref()).await?;
        return Ok(if is_right { Checked::Waits } else { Checked::Wrong });
    }
    let stored = account.as_ref().and_then(|account| account.password_hash.as_deref());
    let is_right = password::verify(app, given, stored).await?;
    let Some(account) = account else { return Ok(Checked::Wrong) };
    if !is_right {
        let is_for_apps = app.store.check_app_password(account.id, given).await?.is_some();
        return Ok(if is_for_apps { Checked::AppPassword } else { Checked::Wrong });
    }
    Ok(if session::is_blocked(&account) { Checked::TakenDown } else { Checked::Right(account) })
}

/// The field with which a sign-in wants the second factor also on a browser that is trusted with it: what comes next asks
/// for one that was just shown, and who leaves the field out does not get there.
pub const ANEW: &str = "anew";

/// Goes on after the right password: to the second factor, or in.
///
/// # Errors
/// Faults of the store and of the mail server.
pub async fn go_on(
    visit: &Visit,
    account: Arc<Account>,
    remember: bool,
    next: Option<Local>,
) -> PageResult {
    let Some(method) = factors::offered(visit, &account).await?.into_iter().next() else {
        return enter(visit, Shown::password(account, remember), next).await;
    };
    if !visit.form.has(ANEW) && trusted::is_here(visit, &account).await? {
        let factors = vec![Factor::Password, Factor::TrustedBrowser];
        let shown = Shown { factors, ..Shown::password(account, remember) };
        return enter(visit, shown, next).await;
    }
    let pending = Pending { remember, until: visit.app.now_seconds() + PENDING_SECONDS };
    let sealed = pending.sealed(visit, &account);
    let begun = factors::begin(visit, &account, method).await;
    let page = second_factor::page_for(&sealed, method, next.as_ref());
    second_factor::go_to(visit, page, method, begun)
}

/// Signs in who has shown everything, and goes on to where they were going.
///
/// # Errors
/// 401 if the password was changed meanwhile.
pub async fn enter(visit: &Visit, shown: Shown, next: Option<Local>) -> PageResult {
    let account = Arc::clone(&shown.account);
    // Moderation may have come between the password and the rest.
    if session::is_blocked(&account) {
        return Err(session::takedown_error().into());
    }
    let is_known = visit.signed_in(account.did.as_str()).await?.is_some();
    visit.sign_in(shown).await?;
    visit.app.figures.counters.sign_ins.up();
    if !is_known {
        alert::new_browser(visit, &account);
    }
    visit.redirect(next.unwrap_or_else(|| Local::of_account(&account.did, "")))
}

/// Signs in who has got an account here just now, with a password or with a passkey.
///
/// # Errors
/// Faults of the store.
pub async fn newcomer(
    visit: &Visit,
    account: Account,
    factor: Factor,
) -> Result<Arc<Account>, XrpcError> {
    let account = Arc::new(account);
    let shown = Shown { factors: vec![factor], ..Shown::password(Arc::clone(&account), true) };
    visit.sign_in(shown).await?;
    Ok(account)
}

/// How long the second factor may take.
const PENDING_SECONDS: i64 = 15 * 60;

/// Somebody who has shown the password and not yet the second factor. What the page carries is good in this browser only.
pub struct Pending {
    pub remember: bool,
    /// Seconds since 1970.
    until: i64,
}

impl Pending {
    fn sealed(&self, visit: &Visit, account: &Account) -> String {
        let text = format!("{} {} {}", account.did, u8::from(self.remember), self.until);
        let text = BASE64URL_NOPAD.encode(text.as_bytes());
        let seal = seal(visit, account, &text);
        format!("{text}.{seal}")
    }

    /// Reads what [`Self::sealed`] made, with the account it is about; `None` if it is too old, or made for another
    /// browser, or the password was changed meanwhile.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(
        visit: &Visit,
        sealed: &str,
    ) -> Result<Option<(Arc<Account>, Self)>, XrpcError> {
        let Some((text, given)) = sealed.split_once('.') else { return Ok(None) };
        let Some((did, pending)) = Self::read(text) else { return Ok(None) };
        if pending.until <= visit.app.now_seconds() {
            return Ok(None);
        }
        let Some(account) = identifier::find(&visit.app, &did).await? else { return Ok(None) };
        let expected = seal(visit, &account, text);
        let is_ours = bool::from(expected.as_bytes().ct_eq(given.as_bytes()));
        Ok(is_ours.then_some((account, pending)))
    }

    fn read(text: &str) -> Option<(String, Self)> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let mut parts = text.split(' ');
        let (did, remember, until) = (parts.next()?, parts.next()?, parts.next()?);
        Some((did.to_owned(), Self { remember: remember == "1", until: until.parse().ok()? }))
    }
}

fn seal(visit: &Visit, account: &Account, text: &str) -> String {
    let secret = visit.device_secret();
    let password = account.password_hash.as_deref().unwrap_or_default();
    let parts = [secret.as_bytes(), password.as_bytes(), text.as_bytes()];
    BASE64URL_NOPAD.encode(&visit.app.web.sealer.seal("second factor", &parts))
}
