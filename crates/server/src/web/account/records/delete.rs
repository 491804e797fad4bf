//! Deleting one record, after the person has seen it.

use askama::Template;
use cairn_model::{Cid, RepoPath};
use cairn_store::{RecordWrite, WriteAction, WriteError, WriteRequest};

use super::super::super::error::PageError;
use super::super::super::form::Form;
use super::super::super::i18n::{Flash, Text};
use super::super::super::local::Local;
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use super::record::find;
use crate::limits::Bucket;

#[derive(Template)]
#[template(path = "account/records/delete.html")]
struct Asking {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    path: RepoPath,
    /// The version that is asked about.
    cid: String,
}

async fn asking(visit: &Visit, form: Form) -> Result<Asking, PageError> {
    let account = &visit.account()?.account;
    let path = super::path_of(visit)?;
    let record = find(visit, account, &path).await?;
    Ok(Asking {
        page: visit.page(visit.t.browser_delete_title()),
        t: visit.t,
        form,
        base: Local::of_account(&account.did, "/records").to_string(),
        path,
        cid: record.cid.to_string(),
    })
}

pub async fn show(visit: Visit) -> PageResult {
    visit.html(&asking(&visit, Form::new()).await?)
}

pub async fn submit(visit: Visit) -> PageResult {
    let did = visit.account()?.account.did.clone();
    let path = super::path_of(&visit)?;
    visit.charge(Bucket::RepoWrite, did.as_str())?;
    let mut form = Form::new();
    match Cid::parse(visit.form.get("cid")) {
        Err(_) => form.refuse("", visit.t.browser_delete_changed()),
        Ok(cid) => {
            let action = WriteAction::Delete { swap: Some(Some(cid)), must_exist: false };
            let request = WriteRequest {
                account: did.clone(),
                writes: vec![RecordWrite { path: path.clone(), action }],
                swap_commit: None,
                dedupe: false,
            };
            match visit.app.store.write(request).await {
                // Gone already is what was asked for.
                Ok(_) | Err(WriteError::InvalidSwapRecord { current: None, .. }) => {
                    let back = format!("/records/{}", path.collection());
                    return visit
                        .redirect_saying(Local::of_account(&did, &back), Flash::RecordDeleted);
                }
                Err(WriteError::InvalidSwapRecord { .. }) => {
                    form.refuse("", visit.t.browser_delete_changed());
                }
                Err(WriteError::Inactive(_)) => form.refuse("", visit.t.browser_inactive()),
                Err(err) => return Err(err.into()),
            }
        }
    }
    visit.refused(&asking(&visit, form).await?)
}
