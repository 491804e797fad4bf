//! The service proxy: requests that other services answer, in the name of the account that asks.
//!
//! What this server does not know itself goes to the service that the client names in `atproto-proxy`, or else to the one that the
//! operator has set for the namespace: [`target`] finds it, [`token`] signs for the account, [`headers`] says what goes along,
//! [`outgoing`] sends, [`reply`] brings the answer back. Bodies pass through as they come, piece by piece.
//! Spec: <https://atproto.com/specs/xrpc#service-proxying>.

mod headers;
mod outgoing;
mod progress;
mod reply;
mod target;
mod token;
mod unpack;
mod upstream;

use axum::body::Body;
use axum::response::Response;
use cairn_model::Nsid;
use http::Request;
use http::request::Parts;

use crate::app::App;
use crate::auth::{Access, SESSION, Session, is_privileged, is_protected, session_of};
use crate::error::XrpcError;

pub(crate) use headers::{CONTENT_LABELERS, Coding, REPO_REV};
pub(crate) use outgoing::{Outgoing, OutgoingBody};
pub(crate) use reply::{Buffered, Reply};
pub(crate) use target::{Target, audience, named};
pub(crate) use upstream::{Forward, Upstream, forward, forward_to};

/// Who may have requests passed on.
const ACCESS: Access<Session> = SESSION.not_takendown();

/// Answers a request for a method that is not served here.
///
/// # Errors
/// For what must not be passed on, for credentials, for services that cannot be found or reached.
pub(crate) async fn pass_on(
    app: &App,
    nsid: &Nsid,
    request: Request<Body>,
) -> Result<Response, XrpcError> {
    let (parts, body) = request.into_parts();
    if is_protected(nsid.as_str()) {
        return Err(forbidden_method());
    }
    // What costs nothing is checked first; services are looked up for those who are signed in only.
    let choice = target::choose(&app.config, &parts.headers, nsid)?;
    let session = session_of(app, &parts, &ACCESS).await?;
    session.check_rpc(nsid.as_str(), &choice.audience())?;
    if is_privileged(nsid.as_str()) && !session.is_privileged() {
        return Err(forbidden_method());
    }
    let target = choice.resolve(app).await?;
    let token = token::sign(app, &session.account, &target.did, nsid).await?;
    let outgoing = Outgoing {
        method: parts.method.clone(),
        nsid: nsid.as_str(),
        query: parts.uri.query(),
        headers: headers::forwarded(&parts, Coding::AsClient),
        token: Some(token),
        body: OutgoingBody::of_request(&parts, body),
    };
    outgoing.send(app, &target).await?.into_response(app)
}

fn forbidden_method() -> XrpcError {
    XrpcError::invalid_token("Bad token method")
}

/// Passes a public query on to the AppView, in nobody's name; `None` without an AppView.
///
/// # Errors
/// When it cannot be reached.
pub(crate) async fn ask_appview(
    app: &App,
    nsid: &str,
    request: &Parts,
) -> Result<Option<Response>, XrpcError> {
    let Some(appview) = &app.config.appview else { return Ok(None) };
    let outgoing = Outgoing {
        method: request.method.clone(),
        nsid,
        query: request.uri.query(),
        headers: headers::forwarded(request, Coding::AsClient),
        token: None,
        body: OutgoingBody::None,
    };
    let reply = outgoing.send(app, &Target::configured(appview)).await?;
    reply.into_response(app).map(Some)
}
