//! `/account/u/{account}/security/app`: an authenticator app, set up by a QR code and confirmed by its first code.

use askama::Template;
use cairn_factors::{qr, totp};
use cairn_store::{Account, Factor, Totp};
use jiff::SignedDuration;
use zeroize::Zeroizing;

use crate::accounts::identity::shown_handle;
use crate::accounts::second_factor;
use crate::error::XrpcError;
use crate::mail::letters::Event;

use super::super::super::error::PageError;
use super::super::super::form::Form;
use super::super::super::i18n::{Flash, Text};
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use super::super::alert;

/// A secret that waits for its first code longer than this is not shown again: nobody is to confirm one that somebody else
/// has seen before them.
const SET_UP_TIME: SignedDuration = SignedDuration::from_mins(30);

#[derive(Template)]
#[template(path = "account/security/app.html")]
struct SetUp {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    /// None before it was begun.
    secret: Option<Shown>,
}

/// A secret, to be taken into an app.
struct Shown {
    /// As markup.
    code: String,
    text: String,
    url: String,
}

#[derive(Template)]
#[template(path = "account/security/app_remove.html")]
struct Removing {
    page: Page,
    t: Text,
    base: String,
    is_last: bool,
}

impl SetUp {
    fn new(visit: &Visit, totp: Option<&Totp>, form: Form) -> Result<Self, PageError> {
        let account = &visit.account()?.account;
        let secret = match totp {
            Some(totp) => Some(Shown::new(visit, account, totp)?),
            None => None,
        };
        Ok(Self {
            page: visit.page(visit.t.app_title()),
            t: visit.t,
            form,
            base: visit.account_page("/security")?.to_string(),
            secret,
        })
    }
}

impl Shown {
    fn new(visit: &Visit, account: &Account, totp: &Totp) -> Result<Self, XrpcError> {
        let service = &visit.app.config.branding.service_name;
        let url = totp::url(&totp.secret, service, &shown_handle(account));
        // The names in it are bounded by handle and configuration, far below what a code holds.
        let code = qr::svg(&url).map_err(XrpcError::internal)?;
        Ok(Self { code, text: totp::readable(&totp.secret), url })
    }
}

/// The secret that waits for its first code on this browser. Whoever has begun one elsewhere would know the owner's codes.
async fn waiting(visit: &Visit, account: &Account) -> Result<Option<Totp>, XrpcError> {
    let now = visit.app.clock.now();
    let here = visit.known_device().await?.id;
    let is_waiting = |totp: &Totp| {
        totp.confirmed_at.is_none()
            && totp.begun_by == Some(here)
            && now.duration_since(totp.started_at) < SET_UP_TIME
    };
    Ok(visit.app.store.totp(account.id).await?.filter(is_waiting))
}

pub async fn show(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let account = &visit.account()?.account;
    if visit.app.store.second_factors(account.id).await?.totp {
        return visit.redirect(visit.account_page("/security")?);
    }
    let totp = waiting(&visit, account).await?;
    visit.html(&SetUp::new(&visit, totp.as_ref(), Form::new())?)
}

pub async fn submit(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    if visit.form.has("code") { confirm(&visit).await } else { begin(&visit).await }
}

/// Makes a secret, in the place of one that waits.
async fn begin(visit: &Visit) -> PageResult {
    let account = &visit.account()?.account;
    let here = visit.known_device().await?.id;
    let secret = cairn_identity::random_bytes::<{ totp::SECRET_BYTES }>();
    visit.app.store.start_totp(account.id, &Zeroizing::new(secret.to_vec()), here).await?;
    visit.redirect(visit.account_page("/security/app")?)
}

async fn confirm(visit: &Visit) -> PageResult {
    let account = &visit.account()?.account;
    let Some(totp) = waiting(visit, account).await? else {
        return visit.redirect(visit.account_page("/security/app")?);
    };
    for (bucket, key) in second_factor::guesses(account) {
        visit.charge(bucket, &key)?;
    }
    let step = totp::step_of(&totp.secret, visit.form.get("code"), visit.app.now_seconds());
    let is_confirmed = match step {
        Some(step) => visit.app.store.use_totp_step(account.id, &totp, step).await?,
        None => false,
    };
    if is_confirmed {
        return super::added(visit, Factor::Totp, Event::AppAdded, Flash::AppAdded).await;
    }
    let mut form = Form::new();
    form.refuse("code", visit.t.app_wrong());
    visit.refused(&SetUp::new(visit, Some(&totp), form)?)
}

pub async fn ask(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    visit.html(&Removing {
        page: visit.page(visit.t.app_remove_title()),
        t: visit.t,
        base: visit.account_page("/security")?.to_string(),
        is_last: super::is_last(&visit, 1).await?,
    })
}

pub async fn remove(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let account = &visit.account()?.account;
    // One that is gone already is what was asked for.
    if visit.app.store.remove_totp(account.id, alert::client_of(&visit)).await? {
        alert::tell(&visit, account, Event::AppRemoved);
    }
    visit.redirect_saying(visit.account_page("/security")?, Flash::AppRemoved)
}
