//! `/admin/accounts/{did}/limits`: what an account may take of the disk.

use askama::Template;
use cairn_store::{Account, Quotas};

use super::super::form::Form;
use super::super::format::bytes;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use crate::accounts::administration;
use crate::accounts::identity::shown_handle;
use crate::auth::Moderator;

/// The unit of the form.
const MIB: u64 = 1 << 20;

#[derive(Template)]
#[template(path = "admin/limits.html")]
struct Limits {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    handle: String,
    default_repo: String,
    default_blobs: String,
}

impl Limits {
    fn new(visit: &Visit, account: &Account, form: Form) -> Self {
        let t = visit.t;
        let defaults = visit.app.store.default_quotas();
        let shown = |bound: Option<u64>| {
            bound.map_or_else(|| t.console_no_limit().to_owned(), |bound| bytes(t, bound))
        };
        Self {
            page: visit.page(t.limits_title()),
            t,
            form,
            base: Local::of_console(&account.did, "").to_string(),
            handle: shown_handle(account),
            default_repo: shown(defaults.repo_bytes),
            default_blobs: shown(defaults.blob_bytes),
        }
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let account = super::account_of(&visit).await?;
    let mut form = Form::new();
    let quotas = [("repo", account.quotas.repo_bytes), ("blobs", account.quotas.blob_bytes)];
    for (name, quota) in quotas {
        if let Some(quota) = quota {
            form.set(name, quota.div_ceil(MIB).to_string());
        }
    }
    visit.html(&Limits::new(&visit, &account, form))
}

pub async fn submit(visit: Visit) -> PageResult {
    let account = super::account_of(&visit).await?;
    let mut form = Form::of(&visit.form, &["repo", "blobs"]);
    let mut read = |name: &'static str| match visit.form.get(name) {
        "" => None,
        text => {
            let quota = text.parse().ok().and_then(|mib: u64| mib.checked_mul(MIB));
            if quota.is_none() {
                form.refuse(name, visit.t.limits_wrong());
            }
            quota
        }
    };
    let quotas = Quotas { repo_bytes: read("repo"), blob_bytes: read("blobs") };
    if form.is_refused() {
        return visit.refused(&Limits::new(&visit, &account, form));
    }
    administration::set_quotas(&visit.app, &Moderator::Admin, &account.did, quotas).await?;
    visit.redirect_saying(Local::of_console(&account.did, ""), Flash::LimitsSet)
}
