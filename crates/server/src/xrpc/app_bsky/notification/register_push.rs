//! `app.bsky.notification.registerPush`

use axum::response::Response;
use serde_json::value::RawValue;

use super::hand_over;
use crate::auth::Session;
use crate::xrpc::{Cx, Input, Result};

pub async fn register_push(
    cx: Cx<Session>,
    Input(registration): Input<Box<RawValue>>,
) -> Result<Response> {
    hand_over(&cx, registration).await
}
