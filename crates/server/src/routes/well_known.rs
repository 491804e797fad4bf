//! Who answers under a host name: handles of this server's domains, and the server's own DID document.
//!
//! Specs: <https://atproto.com/specs/handle#handle-resolution>, <https://w3c-ccg.github.io/did-method-web/>.

use axum::response::{IntoResponse, Response};
use cairn_model::Handle;
use cairn_store::AccountRef;
use http::request::Parts;
use http::{StatusCode, header};
use serde::Serialize;
use url::form_urlencoded;

use crate::accounts::handle_policy::is_apex;
use crate::accounts::hosted;
use crate::app::App;
use crate::error::XrpcError;
use crate::xrpc::Json;

use super::{Call, Route, Who, get, not_found, text, typed};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/.well-known/atproto-did", Who::Anyone, atproto_did),
        get("/.well-known/did.json", Who::Anyone, did_json),
        // A proxy asks for each name that somebody wants a certificate for, all from its own address.
        get("/tls-check", Who::Anyone, tls_check).free_for_proxies(),
    ]
}

/// The media type of DID documents.
const DID_DOCUMENT: &str = "application/did+ld+json";

/// The name that a request was sent to, without port, in lower case. HTTP/2 has it in the URI.
fn host(request: &Parts) -> Option<String> {
    let host = match request.uri.host() {
        Some(host) => host,
        None => request.headers.get(header::HOST)?.to_str().ok()?,
    };
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    Some(name.map_or(host, |(name, _)| name).to_ascii_lowercase())
}

/// Whether a name is, or is under, a domain that accounts take handles from.
fn is_handle_host(app: &App, name: &str) -> bool {
    let domains = &app.config.handle_domains;
    domains.iter().any(|domain| name.ends_with(domain.as_str())) || is_apex(name, domains)
}

/// `/.well-known/atproto-did`: the DID of the account whose handle is the host name.
async fn atproto_did(call: Call) -> Result<Response, XrpcError> {
    Ok(match did_of_host(&call.app, host(&call.parts)).await? {
        Some(did) => text(did),
        None => {
            let mut response = text("User not found");
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    })
}

async fn did_of_host(app: &App, host: Option<String>) -> Result<Option<String>, XrpcError> {
    let Some(name) = host.filter(|name| is_handle_host(app, name)) else {
        return Ok(None);
    };
    active_did(app, &name).await
}

async fn active_did(app: &App, name: &str) -> Result<Option<String>, XrpcError> {
    let Ok(handle) = Handle::parse(name) else { return Ok(None) };
    let account = app.store.account(AccountRef::Handle(handle)).await?;
    Ok(account.filter(|account| account.is_active()).map(|account| account.did.to_string()))
}

#[derive(Serialize)]
struct DidDocument<'a> {
    #[serde(rename = "@context")]
    context: [&'static str; 1],
    id: &'a str,
    service: [Service<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Service<'a> {
    id: &'static str,
    r#type: &'static str,
    service_endpoint: &'a str,
}

/// `/.well-known/did.json`: the document of the host that is asked: of an account whose DID is that `did:web`, or of the
/// server itself.
async fn did_json(call: Call) -> Result<Response, XrpcError> {
    let (app, host) = (&call.app, host(&call.parts));
    Ok(match account_document(app, host.as_deref()).await? {
        Some(document) => typed(DID_DOCUMENT, crate::xrpc::reply::json_body(document.as_json())),
        None => own_document(app, host.as_deref()),
    })
}

async fn account_document(
    app: &App,
    host: Option<&str>,
) -> Result<Option<cairn_identity::DidDocument>, XrpcError> {
    let Some(Ok(name)) = host.map(Handle::parse) else { return Ok(None) };
    let Some(account) = hosted::owner_of(app, &name).await? else { return Ok(None) };
    hosted::document(&app.store, &app.config.public_url, &account.did).await
}

fn own_document(app: &App, host: Option<&str>) -> Response {
    let did = app.config.service_did.as_str();
    // A port is part of a did:web, written %3A.
    let named =
        did.strip_prefix("did:web:").map(|name| name.split("%3A").next().unwrap_or_default());
    if named.is_none() || named != host {
        return not_found(StatusCode::NOT_FOUND);
    }
    let document = DidDocument {
        context: ["https://www.w3.org/ns/did/v1"],
        id: did,
        service: [Service {
            id: "#atproto_pds",
            r#type: "AtprotoPersonalDataServer",
            service_endpoint: &app.config.public_url,
        }],
    };
    typed(DID_DOCUMENT, crate::xrpc::reply::json_body(&document))
}

#[derive(Serialize)]
struct Success {
    success: bool,
}

/// `/tls-check?domain=`: whether a proxy may get a certificate for a name.
async fn tls_check(call: Call) -> Result<Response, XrpcError> {
    let (app, query) = (&call.app, call.parts.uri.query().unwrap_or_default());
    let domain = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "domain");
    let Some((_, domain)) = domain.filter(|(_, domain)| !domain.is_empty()) else {
        return Err(XrpcError::invalid_request("bad or missing domain query param"));
    };
    let domain = domain.to_ascii_lowercase();
    if domain == app.config.hostname {
        return Ok(Json(Success { success: true }).into_response());
    }
    if !is_handle_host(app, &domain) {
        return Err(XrpcError::invalid_request("handles are not provided on this domain"));
    }
    let is_known = match Handle::parse(&domain) {
        // A document is asked for whatever the account is called by now, and whether or not it is active.
        Ok(name) => {
            active_did(app, &domain).await?.is_some()
                || hosted::owner_of(app, &name).await?.is_some()
        }
        Err(_) => false,
    };
    if !is_known {
        return Err(XrpcError::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "handle not found for this domain",
        ));
    }
    Ok(Json(Success { success: true }).into_response())
}
