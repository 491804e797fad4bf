//! The directory over HTTP: routes, answers and errors as the public directory has them.

use std::future::Future;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use cairn_identity::plc::{LogEntry, Operation, PlcData};
use cairn_model::Did;
use serde_json::json;
use tokio::net::TcpListener;
use tower_http::cors::CorsLayer;

use crate::directory::Directory;
use crate::error::{DirectoryError, SubmitError};
use crate::export::{self, ExportQuery, StreamQuery};

/// The largest request body; operations themselves are limited to 4,000 bytes.
const MAX_BODY_BYTES: usize = 100 * 1024;

/// The directory's routes.
pub fn router(directory: Directory) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/_health", get(health))
        .route("/export", get(export_page))
        .route("/export/stream", get(export_stream))
        .route("/{did}", get(document).post(submit))
        .route("/{did}/data", get(data))
        .route("/{did}/log", get(log))
        .route("/{did}/log/audit", get(audit_log))
        .route("/{did}/log/last", get(last))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(CorsLayer::permissive())
        .with_state(directory)
}

/// Serves the directory until `shutdown` completes; running requests are answered first.
pub async fn serve(
    listener: TcpListener,
    directory: Directory,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(directory)).with_graceful_shutdown(shutdown).await
}

async fn home() -> &'static str {
    "This is a did:plc directory.\nSpecification: https://web.plc.directory\n"
}

async fn health(State(directory): State<Directory>) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    match directory.check_health().await {
        Ok(()) => Json(json!({"version": version})).into_response(),
        Err(error) => {
            tracing::error!(%error, "health check failed");
            let body = Json(json!({"version": version, "error": "Service Unavailable"}));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

async fn document(
    State(directory): State<Directory>,
    Path(did): Path<String>,
) -> Result<Response, RouteError> {
    let document = current_data(&directory, &did).await?.to_document_json();
    let content_type = [(header::CONTENT_TYPE, "application/did+ld+json; charset=utf-8")];
    Ok((content_type, document.to_string()).into_response())
}

async fn data(
    State(directory): State<Directory>,
    Path(did): Path<String>,
) -> Result<Json<PlcData>, RouteError> {
    current_data(&directory, &did).await.map(Json)
}

async fn log(
    State(directory): State<Directory>,
    Path(did): Path<String>,
) -> Result<Json<Vec<Operation>>, RouteError> {
    let entries = directory.log(&registered(&did)?).await?;
    let entries = not_empty(did, entries)?;
    Ok(Json(entries.into_iter().map(|entry| entry.operation).collect()))
}

async fn audit_log(
    State(directory): State<Directory>,
    Path(did): Path<String>,
) -> Result<Json<Vec<LogEntry>>, RouteError> {
    let entries = directory.audit_log(&registered(&did)?).await?;
    not_empty(did, entries).map(Json)
}

async fn last(
    State(directory): State<Directory>,
    Path(did): Path<String>,
) -> Result<Json<Operation>, RouteError> {
    let last = directory.last(&registered(&did)?).await?;
    last.map(Json).ok_or(RouteError::NotRegistered(did))
}

async fn submit(
    State(directory): State<Directory>,
    Path(did): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<&'static str, RouteError> {
    let body = body.map_err(RouteError::Body)?;
    let operation: Operation = serde_json::from_slice(&body).map_err(RouteError::NotAnOperation)?;
    let parsed = Did::parse(&did).map_err(|_| RouteError::NotADid(did))?;
    directory.submit(&parsed, operation).await?;
    Ok("OK")
}

async fn export_page(
    State(directory): State<Directory>,
    query: Result<Query<ExportQuery>, QueryRejection>,
) -> Result<Response, RouteError> {
    let Query(query) = query.map_err(|_| RouteError::Parameter("query"))?;
    export::page(&directory, &query).await
}

async fn export_stream(
    State(directory): State<Directory>,
    query: Result<Query<StreamQuery>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, RouteError> {
    let upgrade = upgrade.map_err(|_| RouteError::UpgradeRequired)?;
    let Query(query) = query.map_err(|_| RouteError::Parameter("cursor"))?;
    let start = export::stream_start(&directory, &query)?;
    Ok(upgrade.on_upgrade(move |socket| export::stream(directory, start, socket)))
}

async fn current_data(directory: &Directory, did: &str) -> Result<PlcData, RouteError> {
    let parsed = registered(did)?;
    let last = directory.last(&parsed).await?;
    let last = last.ok_or_else(|| RouteError::NotRegistered(did.to_owned()))?;
    PlcData::of(&parsed, &last).ok_or_else(|| RouteError::Tombstoned(did.to_owned()))
}

/// What is not even a DID is not registered.
fn registered(did: &str) -> Result<Did, RouteError> {
    Did::parse(did).map_err(|_| RouteError::NotRegistered(did.to_owned()))
}

fn not_empty<T>(did: String, entries: Vec<T>) -> Result<Vec<T>, RouteError> {
    if entries.is_empty() {
        return Err(RouteError::NotRegistered(did));
    }
    Ok(entries)
}

/// An answer that is not what the client hoped for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RouteError {
    #[error("DID not registered: {0}")]
    NotRegistered(String),
    #[error("DID not available: {0}")]
    Tombstoned(String),
    #[error("Improperly formatted did: {0}")]
    NotADid(String),
    #[error("Not a valid operation: {0}")]
    NotAnOperation(#[source] serde_json::Error),
    #[error("Invalid {0} parameter")]
    Parameter(&'static str),
    #[error("upgrade required")]
    UpgradeRequired,
    #[error("{0}")]
    Body(#[source] BytesRejection),
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Serialize(serde_json::Error),
}

impl RouteError {
    fn status(&self) -> StatusCode {
        match self {
            // Interop: the public directory's description promises 410 for tombstones; its code answers 404.
            Self::NotRegistered(_) | Self::Tombstoned(_) => StatusCode::NOT_FOUND,
            Self::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            Self::Body(rejection) => rejection.status(),
            Self::Submit(SubmitError::Directory(_)) | Self::Directory(_) | Self::Serialize(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::NotADid(_) | Self::NotAnOperation(_) | Self::Parameter(_) | Self::Submit(_) => {
                StatusCode::BAD_REQUEST
            }
        }
    }
}

impl IntoResponse for RouteError {
    fn into_response(self) -> Response {
        let status = self.status();
        let message = if status.is_server_error() {
            tracing::error!(error = %self, "request failed");
            "Internal Server Error".to_owned()
        } else {
            self.to_string()
        };
        (status, Json(json!({"message": message}))).into_response()
    }
}
