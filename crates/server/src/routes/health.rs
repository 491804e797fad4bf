//! `/xrpc/_health`: whether the server can do its work, for load balancers and monitors.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use crate::xrpc::Json;

use super::{Call, Route, Who, get};

pub(super) fn routes() -> Vec<Route> {
    vec![get("/xrpc/_health", Who::Anyone, health)]
}

#[derive(Serialize)]
struct Health<'a> {
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

/// 200 with the version; 503 when the store cannot be read.
async fn health(call: Call) -> Response {
    let version = call.app.config.version.as_str();
    match call.app.store.list_accounts(None, 1).await {
        Ok(_) => Json(Health { version, error: None }).into_response(),
        Err(err) => {
            tracing::error!(error = %err, "the store is not healthy");
            let mut response =
                Json(Health { version, error: Some("Service Unavailable") }).into_response();
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response
        }
    }
}
