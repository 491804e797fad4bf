//! `com.atproto.server.createAppPassword`
//!
//! `scopes` in input and output is our own: what the app password is held to, as OAuth scopes
//! (<https://atproto.com/specs/permission>).

use cairn_identity::plc::timestamp;
use cairn_store::{AppPasswordRights, CreateAppPasswordError};
use serde::{Deserialize, Deserializer, Serialize};

use crate::accounts::app_password::{MAX_NAME_BYTES, rights};
use crate::accounts::{mailing, session};
use crate::auth::Session;
use crate::error::XrpcError;
use crate::mail::letters::Event;
use crate::xrpc::{Cx, Input, Json, Result};

use super::list_app_passwords::scopes_of;

#[derive(Deserialize)]
pub struct CreateAppPassword {
    name: String,
    #[serde(default)]
    privileged: bool,
    /// `null` is not the same as none: an app password must not get all rights by a slip.
    #[serde(default, deserialize_with = "present")]
    scopes: Option<Vec<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    name: String,
    password: String,
    created_at: String,
    privileged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
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
    let rights = rights(input.privileged, input.scopes.as_deref())?;
    let client = session::client_of(&cx);
    let account = cx.caller.account.id;
    let made = cx.app.store.create_app_password(account, name, rights, client.clone()).await;
    let (password, made) = made.map_err(|err| match err {
        CreateAppPasswordError::NameTaken => {
            XrpcError::invalid_request("There is an app password of this name already")
        }
        CreateAppPasswordError::TooMany => XrpcError::invalid_request("Too many app passwords"),
        CreateAppPasswordError::Store(err) => err.into(),
    })?;
    let event = Event::AppPasswordMade;
    mailing::tell_later(&cx.app, cx.text(), &cx.caller.account, event, Some(client));
    Ok(Json(Created {
        name: made.name,
        password,
        created_at: timestamp::format(made.created_at),
        privileged: made.rights == AppPasswordRights::Privileged,
        scopes: scopes_of(made.rights),
    }))
}

fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Vec<String>>, D::Error> {
    Vec::deserialize(deserializer).map(Some)
}
