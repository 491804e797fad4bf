//! `com.atproto.repo.uploadBlob`

use cairn_model::BlobRef;
use serde::Serialize;
use serde_json::json;

use crate::auth::SessionOrService;
use crate::xrpc::{Cx, Json, Result, Upload};

#[derive(Serialize)]
pub struct Uploaded {
    blob: serde_json::Value,
}

/// Bytes go to the disk as they come. The blob is temporary until a record refers to it.
pub async fn upload_blob(cx: Cx<SessionOrService>, mut body: Upload) -> Result<Json<Uploaded>> {
    let mut upload =
        cx.app.store.upload_blob(cx.caller.did(), cx.app.config.blob_upload_limit).await?;
    while let Some(piece) = body.next().await? {
        upload.write(piece).await?;
    }
    let BlobRef { cid, mime_type, size } = upload.finish(Some(&body.content_type)).await?;
    let blob =
        json!({ "$type": "blob", "ref": { "$link": cid }, "mimeType": mime_type, "size": size });
    Ok(Json(Uploaded { blob }))
}
