//! `com.atproto.repo.uploadBlob`

use cairn_model::BlobRef;
use cairn_store::AccountId;
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
    let moving = moving(&cx);
    let client = counted_as(cx.client_ip);
    if moving.is_some() {
        cx.require_room(Bucket::UploadBlob, &client)?;
    } else {
        cx.charge(Bucket::UploadBlob, &client, 1)?;
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
    cx.app.figures.counters.uploaded(size);
    if let Some(account) = moving
        && !cx.app.store.refers_to_blob(account, cid).await?
    {
        // It is no part of the move. It is here now: if this was one too many, the next one is refused.
        let _ = cx.charge(Bucket::UploadBlob, &client, 1);
    }
    let blob =
        json!({ "$type": "blob", "ref": { "$link": cid }, "mimeType": mime_type, "size": size });
    Ok(Json(Uploaded { blob }))
}

/// The account, if it is not active: it may be on the move. That brings more blobs at once than anyone posts in a day, so
/// for those that its records refer to only the limit on all methods holds.
fn moving(cx: &Cx<SessionOrService>) -> Option<AccountId> {
    let SessionOrService::Session(session) = &cx.caller else { return None };
    let account = &session.account;
    (account.deactivated_at.is_some() && !cx.app.limits.is_off()).then_some(account.id)
}
