//! One record.

use askama::Template;
use cairn_model::{BlobRef, Limits, RepoPath, Tid, blob_refs_lenient, cbor};
use cairn_store::{Account, Record};
use jiff::Timestamp;

use super::super::super::error::PageError;
use super::super::super::format::{bytes, is_indented, time};
use super::super::super::i18n::Text;
use super::super::super::local::Local;
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use super::json::{Piece, cut, pretty};
use crate::error::XrpcError;
use crate::records::uri;

/// So many of its files are listed.
const MAX_FILES: usize = 20;
/// So much of its text is shown at first, in bytes: the page stays small on the wire whatever stands in it.
const MAX_TEXT: usize = 16 * 1024;

#[derive(Template)]
#[template(path = "account/records/record.html")]
struct Shown {
    page: Page,
    t: Text,
    base: String,
    files_base: String,
    path: RepoPath,
    uri: String,
    cid: String,
    size: String,
    written: Option<String>,
    json: Vec<Piece>,
    /// Whether `json` is only the beginning.
    is_cut: bool,
    files: Vec<File>,
    is_hidden: bool,
    may_delete: bool,
}

struct File {
    cid: String,
    mime_type: String,
    size: String,
    is_here: bool,
}

pub async fn show(visit: Visit) -> PageResult {
    let (t, account) = (visit.t, &visit.account()?.account);
    let path = super::path_of(&visit)?;
    let record = find(&visit, account, &path).await?;
    let value = cbor::decode(&record.bytes, &Limits::RECORD).map_err(XrpcError::internal)?;
    let files = files(&visit, account, blob_refs_lenient(&value)).await?;
    let mut json = pretty(&value, &account.did, is_indented(record.bytes.len()));
    let is_cut = !visit.query.has("whole") && cut(&mut json, MAX_TEXT);
    visit.html(&Shown {
        page: visit.page(path.rkey()),
        t,
        base: Local::of_account(&account.did, "/records").to_string(),
        files_base: Local::of_account(&account.did, "/data/blobs").to_string(),
        uri: uri(&account.did, &path),
        path,
        cid: record.cid.to_string(),
        size: bytes(t, record.bytes.len() as u64),
        written: moment(record.rev).map(time),
        json,
        is_cut,
        files,
        is_hidden: record.takedown_ref.is_some(),
        may_delete: account.is_active(),
    })
}

/// When a revision was made.
fn moment(rev: Tid) -> Option<Timestamp> {
    Timestamp::from_microsecond(i64::try_from(rev.micros()).ok()?).ok()
}

/// The record of a page; its owner sees it even if moderation hides it from others.
pub async fn find(visit: &Visit, account: &Account, path: &RepoPath) -> Result<Record, PageError> {
    visit.app.store.record(account.id, path).await?.ok_or(PageError::NotFound)
}

async fn files(
    visit: &Visit,
    account: &Account,
    blobs: Vec<BlobRef>,
) -> Result<Vec<File>, PageError> {
    let mut files = Vec::new();
    for blob in blobs.into_iter().take(MAX_FILES) {
        let info = visit.app.store.blob_info(account.id, blob.cid).await?;
        let is_here = info.as_ref().is_some_and(cairn_store::BlobInfo::is_served);
        let blob = info.map_or(blob, |info| info.blob);
        files.push(File {
            cid: blob.cid.to_string(),
            mime_type: blob.mime_type,
            size: bytes(visit.t, blob.size),
            is_here,
        });
    }
    Ok(files)
}
