//! `com.atproto.server.reserveSigningKey`

use cairn_model::Did;
use cairn_store::ReserveKeyError;
use serde::{Deserialize, Serialize};

use crate::auth::Anyone;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Json, Result};

#[derive(Deserialize)]
pub struct ReserveSigningKey {
    did: Option<Did>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reserved {
    signing_key: String,
}

/// The key waits for the account that is created with this DID; the same DID gets the same key each time.
pub async fn reserve_signing_key(
    cx: Cx<Anyone>,
    Input(input): Input<ReserveSigningKey>,
) -> Result<Json<Reserved>> {
    let key = cx.app.store.reserve_signing_key(input.did).await.map_err(|err| match err {
        ReserveKeyError::TooMany => {
            XrpcError::unavailable("too many signing keys are reserved").because(err)
        }
        ReserveKeyError::Store(err) => err.into(),
    })?;
    Ok(Json(Reserved { signing_key: key.to_string() }))
}
