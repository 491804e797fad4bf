//! `/account/u/{account}/data/deactivate`: hiding an account, and showing it again.

use askama::Template;
use jiff::{SignedDuration, Timestamp};

use super::super::super::form::Form;
use super::super::super::format::time;
use super::super::super::i18n::{Flash, Text};
use super::super::super::local::Local;
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use crate::accounts::activation;
use crate::accounts::identity::MismatchError;
use crate::error::XrpcError;
use crate::limits::Bucket;

/// After how many days a deactivated account may be deleted.
const DAYS: [usize; 4] = [30, 90, 180, 365];

#[derive(Template)]
#[template(path = "account/data/deactivate.html")]
struct Deactivate {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    /// Since when it is deactivated, if it is.
    since: Option<String>,
    delete_after: Option<String>,
    days: [usize; 4],
}

impl Deactivate {
    fn new(visit: &Visit, form: Form) -> Result<Self, super::super::super::error::PageError> {
        let (t, account) = (visit.t, &visit.account()?.account);
        let is_active = account.deactivated_at.is_none();
        let title = if is_active { t.deactivate_title() } else { t.activate_title() };
        Ok(Self {
            page: visit.page(title),
            t,
            form,
            base: Local::of_account(&account.did, "/data").to_string(),
            since: account.deactivated_at.map(time),
            delete_after: account.delete_after.map(time),
            days: DAYS,
        })
    }
}

pub async fn show(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    visit.html(&Deactivate::new(&visit, Form::new())?)
}

pub async fn submit(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let account = &visit.account()?.account;
    visit.charge(Bucket::Announce, account.did.as_str())?;
    let delete_after = match visit.form.get("delete_after") {
        "" => None,
        days => {
            let days = days.parse::<usize>().ok().filter(|days| DAYS.contains(days));
            let Some(days) = days else {
                let mut form = Form::new();
                form.refuse("delete_after", visit.t.deactivate_wrong());
                return visit.refused(&Deactivate::new(&visit, form)?);
            };
            after_days(visit.app.clock.now(), days)
        }
    };
    activation::deactivate(&visit.app, visit.t, account, delete_after).await?;
    visit.redirect_saying(Local::of_account(&account.did, "/data"), Flash::AccountDeactivated)
}

fn after_days(now: Timestamp, days: usize) -> Option<Timestamp> {
    let hours = i64::try_from(days).ok()?.checked_mul(24)?;
    now.checked_add(SignedDuration::from_hours(hours)).ok()
}

pub async fn activate(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    visit.charge(Bucket::Announce, account.did.as_str())?;
    match activation::activate(&visit.app, account).await {
        Ok(()) => {
            visit.redirect_saying(Local::of_account(&account.did, "/data"), Flash::AccountActivated)
        }
        Err(err) if err.status().is_server_error() => Err(err.into()),
        // It has moved away, or something of its identity is missing.
        Err(err) => {
            let mut form = Form::new();
            form.refuse("", reason(&err, visit.t));
            visit.refused(&Deactivate::new(&visit, form)?)
        }
    }
}

/// Why an account cannot be activated.
pub fn reason(err: &XrpcError, t: Text) -> String {
    match err.cause() {
        Some(MismatchError::Endpoint) => t.activate_moved().to_owned(),
        Some(MismatchError::SigningKey) => t.activate_other_key().to_owned(),
        Some(MismatchError::RotationKey) => t.activate_out_of_reach().to_owned(),
        None => t.activate_failed(err.message()),
    }
}
