//! Pictures of old profiles.
//!
//! Until 2023 blobs were referred to as `{"cid": …, "mimeType": …}`, without a size. Clients that edit such a profile send
//! the reference back as it was, and nothing but the stored blob knows what is missing.

use cairn_model::{BlobRef, Cid, Value};
use cairn_store::AccountId;

use crate::App;
use crate::error::XrpcError;

const PICTURES: [&str; 2] = ["avatar", "banner"];

/// Rewrites legacy references to pictures that the account has. Others stay, and are refused later on.
pub async fn upgrade_pictures(
    app: &App,
    account: AccountId,
    profile: &mut Value,
) -> Result<(), XrpcError> {
    for key in PICTURES {
        let Some((cid, mime_type)) = profile.get(key).and_then(legacy) else { continue };
        let Some(info) = app.store.blob_info(account, cid).await? else { continue };
        let blob = BlobRef { cid, mime_type, size: info.blob.size };
        if let Some(profile) = profile.as_object_mut() {
            profile.insert(key, blob.to_value());
        }
    }
    Ok(())
}

fn legacy(value: &Value) -> Option<(Cid, String)> {
    let fields = value.as_object().filter(|fields| fields.len() == 2)?;
    let cid = Cid::parse(fields.get_str("cid")?).ok()?;
    Some((cid, fields.get_str("mimeType")?.to_owned()))
}
