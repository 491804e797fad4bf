//! From a request under `/xrpc/` to a response.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use cairn_model::Nsid;
use http::{HeaderMap, HeaderValue, Method as Verb, Request, header};

use crate::app::App;
use crate::auth::{AuthPolicy, TokenUse, is_dpop};
use crate::caught::{self, caught};
use crate::error::XrpcError;
use crate::figures::Class;
use crate::limits::{Bucket, RateReport, counted_as};
use crate::oauth::nonce_header;
use crate::proxy;

use super::context::Call;
use super::endpoint::{Endpoint, Kind};
use super::handler::Running;
use super::table::TABLE;

/// Who answers a method.
pub(crate) enum Method {
    /// This server.
    Own(&'static Endpoint),
    /// Another service.
    Foreign(Nsid),
}

impl Method {
    /// What it counts as.
    pub(crate) fn class(&self) -> Class {
        match self {
            Self::Own(endpoint) => match endpoint.kind {
                Kind::Query => Class::Query,
                Kind::Procedure => Class::Procedure,
                Kind::Subscription => Class::Subscription,
            },
            Self::Foreign(_) => Class::Proxied,
        }
    }
}

/// Answers a request to a method.
pub(crate) async fn answer(
    app: App,
    method: Method,
    request: Request<Body>,
    client_ip: IpAddr,
) -> Response {
    let report = Arc::new(RateReport::default());
    // What the next proof must carry, whatever becomes of this call.
    let nonce = is_dpop(request.headers()).then(|| nonce_header(&app));
    let (outcome, is_public) = match method {
        Method::Own(endpoint) => {
            let (parts, body) = request.into_parts();
            let (report, token) = (Arc::clone(&report), Arc::default());
            let call = Call { app, endpoint, parts, body, client_ip, report, token };
            (run(call).await, endpoint.auth == AuthPolicy::Anyone)
        }
        Method::Foreign(nsid) => (pass_on(app, nsid, request, client_ip, &report).await, false),
    };
    let mut response = outcome.unwrap_or_else(IntoResponse::into_response);
    let headers = response.headers_mut();
    report.write(headers);
    headers.extend(nonce);
    if !is_public {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private"));
        headers.append(header::VARY, HeaderValue::from_static("Authorization"));
    }
    response
}

/// The method that a path `/xrpc/` + `rest` names, if the verb fits it.
///
/// # Errors
/// 400 for anything that is no method or the wrong verb.
pub(crate) fn find(rest: &str, verb: &Verb) -> Result<Method, XrpcError> {
    let nsid = rest.strip_suffix('/').unwrap_or(rest);
    if nsid.is_empty() || nsid.contains('/') {
        return Err(XrpcError::invalid_request("invalid xrpc path"));
    }
    let Some(endpoint) = TABLE.get(nsid) else {
        let nsid =
            Nsid::parse(nsid).map_err(|_| XrpcError::invalid_request("invalid xrpc path"))?;
        return if [Verb::GET, Verb::HEAD, Verb::POST].contains(verb) {
            Ok(Method::Foreign(nsid))
        } else {
            Err(XrpcError::invalid_request("XRPC requests only support GET and POST"))
        };
    };
    let (fits, expected) = match endpoint.kind {
        Kind::Query | Kind::Subscription => (*verb == Verb::GET || *verb == Verb::HEAD, "GET"),
        Kind::Procedure => (*verb == Verb::POST, "POST"),
    };
    if fits {
        return Ok(Method::Own(endpoint));
    }
    Err(XrpcError::invalid_request(format!("Incorrect HTTP method ({verb}) expected {expected}")))
}

/// Runs a call. A query ends when its client leaves; a procedure runs to its end.
async fn run(call: Call) -> Result<Response, XrpcError> {
    let endpoint = call.endpoint;
    if endpoint.global_limit {
        charge_global(&call.app, &call.parts.headers, call.client_ip, &call.report)?;
    }
    let (app, token) = (call.app.clone(), Arc::clone(&call.token));
    let (own, running) = (app.clone(), endpoint.handler.run(call));
    let answering = async move { answered_once(&own, &token, running).await };
    caught::run(&app, endpoint.kind == Kind::Procedure, answering).await?
}

/// A service token that brought its bearer nothing may be used again.
async fn answered_once(
    app: &App,
    token: &OnceLock<TokenUse>,
    running: Running,
) -> Result<Response, XrpcError> {
    let outcome = caught(running).await.flatten();
    if let Some(token) = token.get()
        && !outcome.as_ref().is_ok_and(|response| response.status().is_success())
    {
        app.service_tokens.forgive(*token);
    }
    outcome
}

/// Has another service answer, under the same rules.
async fn pass_on(
    app: App,
    nsid: Nsid,
    request: Request<Body>,
    client_ip: IpAddr,
    report: &RateReport,
) -> Result<Response, XrpcError> {
    charge_global(&app, request.headers(), client_ip, report)?;
    let changes = *request.method() == Verb::POST;
    let own = app.clone();
    let running = Box::pin(async move { proxy::pass_on(&own, &nsid, request).await });
    caught::run(&app, changes, running).await?
}

fn charge_global(
    app: &App,
    headers: &HeaderMap,
    client_ip: IpAddr,
    report: &RateReport,
) -> Result<(), XrpcError> {
    if app.limits.is_off() {
        return Ok(());
    }
    app.limits.charge(Bucket::Global, &counted_as(client_ip), 1, headers, client_ip, report)
}
