//! `com.atproto.repo.uploadBlob`

use cairn_model::BlobRef;
use serde::Serialize;
use serde_json::json;

use crate::auth::SessionOrService;
use crate::limits::{Bucket, counted_as};
use crate::xrpc::{Cx, Json, Result, Upload};

#[derive(Serialize)]
pub struct Uploaded {
    blob: serde_json::Value,
}

/// Bytes go to the disk as they come. The blob is temporary until a record refers to it.
pub async fn upload_blob(cx: Cx<SessionOrService>, mut body: Upload) -> Result<Json<Uploaded>> {
    if !moves_in(&cx).await? {
        cx.charge(Bucket::UploadBlob, &counted_as(cx.client_ip), 1)?;
    }
    let mut upload =
        cx.app.store.upload_blob(cx.caller.did(), cx.app.config.blob_upload_limit).await?;
    if let Some(bytes) = body.content_length {
        upload.announce(bytes)?;
    }
    while let Some(piece) = body.next().await? {
        upload.write(piece).await?;
    }
    let BlobRef { cid, mime_type, size } = upload.finish(Some(&body.content_type)).await?;
    let blob =
        json!({ "$type": "blob", "ref": { "$link": cid }, "mimeType": mime_type, "size": size });
    Ok(Json(Uploaded { blob }))
}

/// Whether the account waits to become active, and for blobs of its imported records. A move brings more of them at once
/// than anyone posts in a day, so only the limit on all methods holds for it.
async fn moves_in(cx: &Cx<SessionOrService>) -> Result<bool> {
    let SessionOrService::Session(session) = &cx.caller else { return Ok(false) };
    let account = &session.account;
    if account.deactivated_at.is_none() || cx.app.limits.is_off() {
        return Ok(false);
    }
    Ok(!cx.app.store.list_missing_blobs(account.id, None, 1).await?.is_empty())
}
