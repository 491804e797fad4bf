//! The downloads of `/account/u/{account}/data`, for active and for deactivated accounts.

use askama::Template;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use cairn_model::{BlobRef, Cid};
use cairn_store::StoreError;
use futures_util::Stream;
use http::{HeaderValue, header};

use super::super::super::error::PageError;
use super::super::super::format::bytes;
use super::super::super::i18n::Text;
use super::super::super::local::Local;
use super::super::super::page::{Allowed, Page};
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use crate::accounts::export;
use crate::accounts::identity::shown_handle;
use crate::compress::Verbatim;
use crate::error::XrpcError;

/// Blobs on one page.
const PAGE: u32 = 100;

/// Everything as one file.
pub async fn archive(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let archive = export::archive(&visit.app, account).await?;
    let mut response = download(&file_name(&visit, "tar")?, "application/x-tar", archive);
    // It is mostly pictures and videos, which are small already.
    response.extensions_mut().insert(Verbatim);
    Ok(response)
}

/// The repository as a CAR.
pub async fn repo(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let export = visit.app.store.export(account.id, None).await?;
    let export = export.ok_or_else(|| XrpcError::repo_not_found(&account.did))?;
    Ok(download(&file_name(&visit, "car")?, "application/vnd.ipld.car", export::car(export)))
}

/// One blob.
pub async fn blob(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let cid = Cid::parse(visit.param("cid")).map_err(|_| PageError::NotFound)?;
    let blob = visit.app.store.open_blob(account.id, cid).await?.ok_or(PageError::NotFound)?;
    let (name, size) = (export::file_name(&blob.blob), blob.blob.size);
    let mime_type = blob.blob.mime_type.clone();
    let mut response = download(&name, &mime_type, export::pieces(blob, 0, size));
    response.headers_mut().insert(header::CONTENT_LENGTH, size.into());
    response.extensions_mut().insert(Verbatim);
    Ok(response)
}

/// `alice.example.com-2026-11-29.tar`
fn file_name(visit: &Visit, extension: &str) -> Result<String, PageError> {
    let account = &visit.account()?.account;
    let day = visit.app.clock.now().strftime("%Y-%m-%d");
    Ok(format!("{}-{day}.{extension}", shown_handle(account)))
}

/// A file to keep. `name` has nothing that needs quoting.
fn download(
    name: &str,
    mime_type: &str,
    content: impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static,
) -> Response {
    let mut response = Response::new(Body::from_stream(content));
    let headers = response.headers_mut();
    let mime_type = HeaderValue::try_from(mime_type);
    headers.insert(
        header::CONTENT_TYPE,
        mime_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response.extensions_mut().insert(Allowed::file());
    response
}

#[derive(Template)]
#[template(path = "account/data/blobs.html")]
struct Blobs {
    page: Page,
    t: Text,
    base: String,
    blobs: Vec<Row>,
    after: String,
}

struct Row {
    cid: String,
    mime_type: String,
    size: String,
}

/// The blobs, to choose from.
pub async fn blobs(visit: Visit) -> PageResult {
    let (t, account) = (visit.t, &visit.account()?.account);
    // A cursor that is none of ours starts anew.
    let cursor = Cid::parse(visit.query.get("after")).ok();
    let held = visit.app.store.held_blobs(account.id, cursor, PAGE).await?;
    let base = Local::of_account(&account.did, "/data").to_string();
    let is_full = held.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
    let last = held.last().filter(|_| is_full);
    let after = last.map_or_else(String::new, |last| format!("{base}/blobs?after={}", last.cid));
    let row = |blob: BlobRef| Row {
        cid: blob.cid.to_string(),
        mime_type: blob.mime_type,
        size: bytes(t, blob.size),
    };
    visit.html(&Blobs {
        page: visit.page(t.blobs_title()),
        t,
        base,
        blobs: held.into_iter().map(row).collect(),
        after,
    })
}
