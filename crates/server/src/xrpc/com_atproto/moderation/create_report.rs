//! `com.atproto.moderation.createReport`

use axum::response::Response;
use serde_json::value::RawValue;

use crate::auth::Session;
use crate::proxy::{self, OutgoingBody};
use crate::xrpc::{Cx, Input, Result};

/// Hands a report to the moderation service that the client names, or to the one that is set.
pub async fn create_report(
    cx: Cx<Session>,
    Input(report): Input<Box<RawValue>>,
) -> Result<Response> {
    let report: String = Box::<str>::from(report).into();
    proxy::forward(&cx, OutgoingBody::Whole(report.into())).await
}
