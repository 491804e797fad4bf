//! `com.atproto.server.createAppPassword`

use cairn_identity::plc::timestamp;
use cairn_store::CreateAppPasswordError;
use serde::{Deserialize, Serialize};

use crate::auth::Session;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Json, Result};

const MAX_NAME_BYTES: usize = 256;

#[derive(Deserialize)]
pub struct CreateAppPassword {
    name: String,
    #[serde(default)]
    privileged: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    name: String,
    password: String,
    created_at: String,
    privileged: bool,
}

pub async fn create_app_password(
    cx: Cx<Session>,
    Input(input): Input<CreateAppPassword>,
) -> Result<Json<Created>> {
    let name = input.name.trim();
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(XrpcError::invalid_request(format!(
            "name must have 1 to {MAX_NAME_BYTES} bytes"
        )));
    }
    let made = cx.app.store.create_app_password(cx.caller.account.id, name, input.privileged).await;
    let (password, made) = made.map_err(|err| match err {
        CreateAppPasswordError::NameTaken => {
            XrpcError::invalid_request("There is an app password of this name already")
        }
        CreateAppPasswordError::TooMany => XrpcError::invalid_request("Too many app passwords"),
        CreateAppPasswordError::Store(err) => err.into(),
    })?;
    let created_at = timestamp::format(made.created_at);
    Ok(Json(Created { name: made.name, password, created_at, privileged: made.privileged }))
}
