//! Everything that an account has, on its way out: the repository, blobs, and both with the rest as one archive.
//!
//! All of it is streamed, a piece when the one before has been taken.

use bytes::Bytes;
use cairn_model::BlobRef;
use cairn_store::{Account, AccountId, BlobFile, Export, Store, StoreError};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde_json::json;

use super::identity::shown_handle;
use super::{preferences, tar};
use crate::App;
use crate::error::XrpcError;

/// What is read from the disk at once. A download holds two of them.
const PIECE_BYTES: usize = 512 * 1024;
/// Blobs that are looked up together.
const PAGE: u32 = 500;

/// A repository as a CAR.
pub fn car(export: Export) -> impl Stream<Item = Result<Bytes, StoreError>> + Send {
    stream::try_unfold(export, |mut export| async move {
        let chunk = export.next_chunk().await?;
        Ok(chunk.map(|chunk| (chunk, export)))
    })
}

/// The bytes of a blob from `first` up to `end`; a piece is read when the one before it has been taken.
pub fn pieces(
    blob: BlobFile,
    first: u64,
    end: u64,
) -> impl Stream<Item = Result<Bytes, StoreError>> + Send {
    stream::try_unfold((blob, first), move |(blob, at)| async move {
        let left = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(None);
        }
        let piece = blob.read_at(at, left.min(PIECE_BYTES)).await?;
        if piece.is_empty() {
            return Err(StoreError::Damaged { what: "blob file" });
        }
        let next = at.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        Ok(Some((piece, (blob, next))))
    })
}

/// A tar file: `account.json`, `preferences.json`, `repo.car`, and each blob that is here as `blobs/CID`, with the extension
/// of its type. No secrets. The repository is of one moment; a blob that goes before its turn is left out.
///
/// # Errors
/// `RepoNotFound` without a repository. What fails later breaks the stream off, so that nobody takes a part for the whole.
pub async fn archive(
    app: &App,
    account: &Account,
) -> Result<impl Stream<Item = Result<Bytes, StoreError>> + Send + use<>, XrpcError> {
    let export = app.store.export_measured(account.id).await?;
    let missing = || XrpcError::repo_not_found(&account.did);
    let export = export.ok_or_else(missing)?;
    let car_bytes = export.car_bytes().ok_or_else(missing)?;
    let at = app.clock.now();
    let mut head = Vec::new();
    tar::add(&mut head, "account.json", &about(app, account, &export).await?, at);
    let preferences = preferences::to_json(&app.store, account.id).await?;
    tar::add(&mut head, "preferences.json", &preferences, at);
    head.extend_from_slice(&tar::header("repo.car", car_bytes, at));
    Ok(one(head)
        .chain(car(export))
        .chain(one(tar::padding(car_bytes)))
        .chain(blobs(app.store.clone(), account.id, at))
        .chain(one(Bytes::from_static(&tar::END))))
}

fn one(bytes: impl Into<Bytes>) -> impl Stream<Item = Result<Bytes, StoreError>> + Send {
    stream::iter([Ok(bytes.into())])
}

/// What a person or a program needs to know of the account to make use of the rest.
async fn about(app: &App, account: &Account, export: &Export) -> Result<Vec<u8>, XrpcError> {
    let blobs = app.store.blob_counts(account.id).await?;
    let did = &account.did;
    let log = (did.method() == "plc").then(|| format!("{}/{did}/log/audit", app.plc.base_url()));
    let about = json!({
        "did": did,
        "handle": shown_handle(account),
        "server": app.config.public_url,
        "createdAt": account.created_at.to_string(),
        "exportedAt": app.clock.now().to_string(),
        "repository": {
            "file": "repo.car",
            "commit": export.head().commit.to_string(),
            "rev": export.head().rev.to_string(),
            "bytes": export.car_bytes(),
        },
        "blobs": { "folder": "blobs", "referenced": blobs.expected, "here": blobs.imported },
        "directoryLog": log,
    });
    serde_json::to_vec_pretty(&about).map_err(XrpcError::internal)
}

fn blobs(
    store: Store,
    account: AccountId,
    at: Timestamp,
) -> impl Stream<Item = Result<Bytes, StoreError>> + Send {
    let opener = store.clone();
    held(store, account)
        .and_then(move |blob| {
            let store = opener.clone();
            async move { store.open_blob(account, blob.cid).await }
        })
        .map_ok(move |opened| match opened {
            Some(blob) => file(blob, at).left_stream(),
            None => stream::empty().right_stream(),
        })
        .try_flatten()
}

/// All blobs that are here, in the order of their CIDs.
fn held(
    store: Store,
    account: AccountId,
) -> impl Stream<Item = Result<BlobRef, StoreError>> + Send {
    stream::try_unfold(None, move |after| {
        let store = store.clone();
        async move {
            let page = store.held_blobs(account, after, PAGE).await?;
            let last = page.last().map(|blob| blob.cid);
            let page = stream::iter(page.into_iter().map(Ok));
            Ok::<_, StoreError>(last.map(|last| (page, Some(last))))
        }
    })
    .try_flatten()
}

fn file(blob: BlobFile, at: Timestamp) -> impl Stream<Item = Result<Bytes, StoreError>> + Send {
    let size = blob.blob.size;
    let name = format!("blobs/{}", file_name(&blob.blob));
    one(tar::header(&name, size, at).to_vec())
        .chain(pieces(blob, 0, size))
        .chain(one(tar::padding(size)))
}

/// What a blob is called as a file: its CID, with the extension of its type if that is a usual one.
pub fn file_name(blob: &BlobRef) -> String {
    match extension(&blob.mime_type) {
        Some(extension) => format!("{}.{extension}", blob.cid),
        None => blob.cid.to_string(),
    }
}

const EXTENSIONS: [(&str, &str); 20] = [
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/webp", "webp"),
    ("image/gif", "gif"),
    ("image/avif", "avif"),
    ("image/heic", "heic"),
    ("image/svg+xml", "svg"),
    ("video/mp4", "mp4"),
    ("video/webm", "webm"),
    ("video/quicktime", "mov"),
    ("audio/mpeg", "mp3"),
    ("audio/mp4", "m4a"),
    ("audio/ogg", "ogg"),
    ("audio/wav", "wav"),
    ("text/plain", "txt"),
    ("text/vtt", "vtt"),
    ("text/markdown", "md"),
    ("application/json", "json"),
    ("application/pdf", "pdf"),
    ("application/zip", "zip"),
];

fn extension(mime_type: &str) -> Option<&'static str> {
    let plain = mime_type.split(';').next().unwrap_or_default().trim();
    EXTENSIONS.iter().find(|(known, _)| *known == plain).map(|(_, extension)| *extension)
}

/// The type that a file's extension stands for.
pub fn type_of(extension: &str) -> Option<&'static str> {
    EXTENSIONS.iter().find(|(_, known)| *known == extension).map(|(mime_type, _)| *mime_type)
}
