//! `/account/u/{account}/data/restore`: filling an account from a file that its owner has kept.

use std::time::Duration;

use askama::Template;
use futures_util::StreamExt;

use super::super::super::error::PageError;
use super::super::super::file_form::File;
use super::super::super::form::Form;
use super::super::super::i18n::{Flash, Text};
use super::super::super::local::Local;
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use crate::accounts::restore::{self, RestoreError};

#[derive(Template)]
#[template(path = "account/data/restore.html")]
struct Restore {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    is_active: bool,
    records: u64,
    blobs: u64,
    blobs_here: u64,
}

impl Restore {
    async fn new(visit: &Visit, form: Form) -> Result<Self, PageError> {
        let (store, account) = (&visit.app.store, &visit.account()?.account);
        let (counts, records) =
            tokio::try_join!(store.blob_counts(account.id), store.record_count(account.id))?;
        Ok(Self {
            page: visit.page(visit.t.restore_title()),
            t: visit.t,
            form,
            base: Local::of_account(&account.did, "/data").to_string(),
            is_active: account.is_active(),
            records,
            blobs: counts.expected,
            blobs_here: counts.imported.min(counts.expected),
        })
    }
}

pub async fn show(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    visit.html(&Restore::new(&visit, Form::new()).await?)
}

pub async fn submit(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let (t, account) = (visit.t, &visit.account()?.account);
    let mut form = Form::new();
    let Some(mut file) = visit.take_file() else {
        form.refuse("file", t.restore_file_missing());
        return visit.refused(&Restore::new(&visit, form).await?);
    };
    let Err(err) = restore::restore(&visit.app, account, &mut file).await else {
        return visit.redirect_saying(visit.account_page("/data/restore")?, Flash::Restored);
    };
    swallow(&mut file).await;
    form.refuse("file", words(err, t)?);
    visit.refused(&Restore::new(&visit, form).await?)
}

/// Takes some of what a browser goes on sending: it shows no answer before it has sent everything.
async fn swallow(file: &mut File) {
    const TIME: Duration = Duration::from_secs(60);
    let rest = async { while let Some(Ok(_)) = file.next().await {} };
    // Then it sees that the connection is gone.
    let _ = tokio::time::timeout(TIME, rest).await;
}

fn words(err: RestoreError, t: Text) -> Result<String, PageError> {
    Ok(match err {
        RestoreError::Active => t.restore_active().to_owned(),
        RestoreError::Busy => t.restore_busy().to_owned(),
        RestoreError::Kind => t.restore_kind().to_owned(),
        RestoreError::Another => t.restore_another().to_owned(),
        RestoreError::Short => t.restore_short_file().to_owned(),
        RestoreError::Failed(err) if err.status().is_client_error() => {
            t.restore_refused(err.message())
        }
        RestoreError::Failed(err) => return Err(err.into()),
    })
}
