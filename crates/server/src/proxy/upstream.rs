//! Services as handlers use them.

use axum::response::Response;
use cairn_model::{Did, Nsid, Tid};
use http::Method;
use http::request::Parts;
use serde_json::Value;

use crate::app::App;
use crate::auth::Session;
use crate::error::XrpcError;
use crate::xrpc::Cx;

use super::headers::{self, Coding};
use super::outgoing::{self, Outgoing, OutgoingBody};
use super::reply::Reply;
use super::target::{self, Target};
use super::token;

/// A service and the account in whose name it is asked: what handlers use.
pub(crate) struct Upstream<'a> {
    app: &'a App,
    session: &'a Session,
    request: &'a Parts,
    pub(crate) target: Target,
}

impl<'a> Upstream<'a> {
    /// The service that a call is for, by its header or by the namespace of its method.
    ///
    /// # Errors
    /// When there is none, or it cannot be found.
    pub(crate) async fn of(cx: &'a Cx<Session>) -> Result<Self, XrpcError> {
        let nsid = Nsid::parse(cx.endpoint.nsid).map_err(XrpcError::internal)?;
        let choice = target::choose(&cx.app.config, cx.headers(), &nsid)?;
        let target = choice.resolve(&cx.app).await?;
        Ok(Self::at(cx, target))
    }

    /// This service.
    pub(crate) fn at(cx: &'a Cx<Session>, target: Target) -> Self {
        Self { app: &cx.app, session: &cx.caller, request: &cx.request, target }
    }

    /// Passes the call on as it is, for a method at an audience, with another body perhaps.
    ///
    /// # Errors
    /// When the service cannot be reached.
    pub(crate) async fn forward(&self, call: Forward<'_>) -> Result<Reply, XrpcError> {
        let token = token::sign(self.app, &self.session.account, call.audience, call.lxm).await?;
        let outgoing = Outgoing {
            method: self.request.method.clone(),
            nsid: call.nsid,
            query: self.request.uri.query(),
            headers: headers::forwarded(self.request, call.coding),
            token: Some(token),
            body: call.body,
        };
        outgoing.send(self.app, &self.target).await
    }

    /// Asks the service something else on behalf of the same account. None when it refuses.
    ///
    /// # Errors
    /// When the service cannot be reached or answers with anything but JSON.
    pub(crate) async fn query(
        &self,
        nsid: &'static str,
        params: &[(&str, &str)],
    ) -> Result<Option<Value>, XrpcError> {
        let reply = self.ask(nsid, params).await?;
        if reply.status.is_client_error() {
            return Ok(None);
        }
        if !reply.status.is_success() {
            return Err(XrpcError::upstream_failure("the service failed"));
        }
        reply.buffer(self.app).await?.json().await.map(Some)
    }

    /// How far the service has followed the account's repository, if it says so with the account's profile.
    ///
    /// # Errors
    /// When the service cannot be reached.
    pub(crate) async fn repo_rev(&self) -> Result<Option<Tid>, XrpcError> {
        let params = [("actor", self.session.did().as_str())];
        Ok(self.ask("app.bsky.actor.getProfile", &params).await?.repo_rev())
    }

    async fn ask(&self, nsid: &'static str, params: &[(&str, &str)]) -> Result<Reply, XrpcError> {
        let lxm = Nsid::parse(nsid).map_err(XrpcError::internal)?;
        let token = token::sign(self.app, &self.session.account, &self.target.did, &lxm).await?;
        let query = outgoing::query_string(params);
        let outgoing = Outgoing {
            method: Method::GET,
            nsid,
            query: Some(&query),
            headers: headers::forwarded(self.request, Coding::Unpackable),
            token: Some(token),
            body: OutgoingBody::None,
        };
        outgoing.send(self.app, &self.target).await
    }
}

/// How a call is passed on.
pub(crate) struct Forward<'a> {
    /// The method in the path.
    pub(crate) nsid: &'a str,
    /// Whom the token is for.
    pub(crate) audience: &'a Did,
    /// The method that the token is for.
    pub(crate) lxm: &'a Nsid,
    pub(crate) coding: Coding,
    pub(crate) body: OutgoingBody,
}

/// Passes a call on as it is to the service that it is for, with a JSON body if the method has one.
///
/// # Errors
/// When there is no service or it cannot be reached.
pub(crate) async fn forward(cx: &Cx<Session>, body: OutgoingBody) -> Result<Response, XrpcError> {
    let upstream = Upstream::of(cx).await?;
    forward_to(cx, &upstream, body).await
}

/// The same to a service that is known.
///
/// # Errors
/// When it cannot be reached.
pub(crate) async fn forward_to(
    cx: &Cx<Session>,
    upstream: &Upstream<'_>,
    body: OutgoingBody,
) -> Result<Response, XrpcError> {
    let lxm = Nsid::parse(cx.endpoint.nsid).map_err(XrpcError::internal)?;
    let call = Forward {
        nsid: cx.endpoint.nsid,
        audience: &upstream.target.did,
        lxm: &lxm,
        coding: Coding::AsClient,
        body,
    };
    upstream.forward(call).await?.into_response(&cx.app)
}
