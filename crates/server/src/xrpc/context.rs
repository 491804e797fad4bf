//! A call on its way to the handler ([`Call`]) and what the handler gets of it ([`Cx`]).

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use cairn_model::{AtIdentifier, Did};
use cairn_store::Account;
use http::HeaderMap;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::auth::{Caller, Credential, Session, TokenUse, authenticate};
use crate::error::XrpcError;
use crate::i18n::Text;
use crate::limits::{Bucket, RateReport, counted_as};

use super::body::{self, Upload};
use super::endpoint::{Endpoint, InputPolicy};
use super::input::{self, Input};
use super::params::{self, Params};

/// A request that has found its row in the table.
pub struct Call {
    pub(crate) app: App,
    pub(crate) endpoint: &'static Endpoint,
    pub(crate) parts: Parts,
    pub(crate) body: Body,
    pub(crate) client_ip: IpAddr,
    pub(crate) report: Arc<RateReport>,
    /// The service token that came with the call.
    pub(crate) token: Arc<OnceLock<TokenUse>>,
}

/// What a handler knows: the server, who calls, and from where.
pub struct Cx<C> {
    pub app: App,
    pub caller: C,
    pub endpoint: &'static Endpoint,
    /// The caller's address, looked up through trusted proxies.
    pub client_ip: IpAddr,
    /// The rest of the request: method, URI, headers, extensions.
    pub request: Parts,
    report: Arc<RateReport>,
}

impl Call {
    pub(crate) fn params<P: DeserializeOwned>(&self) -> Result<Params<P>, XrpcError> {
        params::parse(self.parts.uri.query().unwrap_or_default()).map(Params).map_err(|err| {
            XrpcError::invalid_request(format!("Invalid {} params: {err}", self.endpoint.nsid))
        })
    }

    pub(crate) async fn authenticate(&mut self) -> Result<Credential, XrpcError> {
        let credential =
            authenticate(&self.app, self.endpoint, &self.parts, self.client_ip).await?;
        if let Credential::Service(service) = &credential {
            self.token.get_or_init(|| service.token);
        }
        Ok(credential)
    }

    /// For methods without input.
    pub(crate) fn refuse_body(&self) -> Result<(), XrpcError> {
        body::refuse(self.endpoint, &self.parts.headers, &self.body)
    }

    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<Input<T>, XrpcError> {
        let InputPolicy::Json { max_bytes } = self.endpoint.input else {
            return Err(XrpcError::internal("endpoint takes no JSON"));
        };
        let body = std::mem::take(&mut self.body);
        let bytes = body::read_json(&self.parts.headers, body, max_bytes).await?;
        input::parse(&bytes).map(Input)
    }

    pub(crate) fn upload(&mut self) -> Result<Upload, XrpcError> {
        let body = std::mem::take(&mut self.body);
        body::upload(self.endpoint, &self.app.config, &self.parts.headers, body)
    }

    /// Spends the method's rate limits and hands the call to its handler.
    pub(crate) fn admit<C: Caller>(self, credential: Credential) -> Result<Cx<C>, XrpcError> {
        self.charge_table(&credential)?;
        let caller = C::from_credential(credential).ok_or_else(|| {
            XrpcError::internal(format!(
                "{} is wired to another kind of caller",
                self.endpoint.nsid
            ))
        })?;
        let Self { app, endpoint, parts, client_ip, report, .. } = self;
        Ok(Cx { app, caller, endpoint, client_ip, request: parts, report })
    }

    fn charge_table(&self, credential: &Credential) -> Result<(), XrpcError> {
        if self.endpoint.buckets.is_empty() || self.app.limits.is_off() {
            return Ok(());
        }
        let did = match credential {
            Credential::Session(session) => Some(session.did().as_str()),
            Credential::Service(service) => Some(service.iss.as_str()),
            Credential::Applicant(applicant) => Some(applicant.did.as_str()),
            Credential::Refresh(refresh) => Some(refresh.did.as_str()),
            Credential::Anyone | Credential::Admin => None,
        };
        for bucket in self.endpoint.buckets {
            let ip = counted_as(self.client_ip);
            let key = if bucket.per_account() { did.unwrap_or(&ip) } else { &ip };
            self.app.limits.charge(
                *bucket,
                key,
                1,
                &self.parts.headers,
                self.client_ip,
                &self.report,
            )?;
        }
        Ok(())
    }
}

impl<C> Cx<C> {
    /// The same call with what the handler knows of its caller now.
    pub(crate) fn with_caller<D>(self, caller: D) -> Cx<D> {
        let Self { app, endpoint, client_ip, request, report, .. } = self;
        Cx { app, caller, endpoint, client_ip, request, report }
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.request.headers
    }

    /// What is said to people, in the language that the client asks for.
    pub(crate) fn text(&self) -> Text {
        Text::for_headers(self.headers())
    }

    /// Spends points of a limit whose key only the handler knows.
    ///
    /// # Errors
    /// 429 when there are none left.
    pub fn charge(&self, bucket: Bucket, key: &str, points: u32) -> Result<(), XrpcError> {
        self.app.limits.charge(
            bucket,
            key,
            points,
            &self.request.headers,
            self.client_ip,
            &self.report,
        )
    }

    /// Spends nothing, and tells whether something is left.
    ///
    /// # Errors
    /// 429 when there is nothing left.
    pub fn require_room(&self, bucket: Bucket, key: &str) -> Result<(), XrpcError> {
        self.app.limits.require_room(bucket, key, &self.request.headers, self.client_ip)
    }

    /// Spends a point of a limit that only decides what the server does beside the call, and of which the answer does
    /// not speak. Tells whether there was one left.
    pub fn has_room(&self, bucket: Bucket, key: &str) -> bool {
        let (headers, unseen) = (&self.request.headers, RateReport::default());
        self.app.limits.charge(bucket, key, 1, headers, self.client_ip, &unseen).is_ok()
    }

    /// Spends write points of an account: 3 for a create, 2 for an update, 1 for a delete.
    ///
    /// # Errors
    /// 429 when there are none left for this hour or day.
    pub fn charge_writes(&self, did: &Did, points: u32) -> Result<(), XrpcError> {
        self.charge(Bucket::RepoWrite, did.as_str(), points)
    }
}

impl Cx<Session> {
    /// The caller's account, if `repo` names it by DID or handle.
    ///
    /// # Errors
    /// 401 when it is somebody else's repository.
    pub fn own_repo(&self, repo: &AtIdentifier) -> Result<&Arc<Account>, XrpcError> {
        let account = &self.caller.account;
        let own = match repo {
            AtIdentifier::Did(did) => *did == account.did,
            AtIdentifier::Handle(handle) => account.handle.as_ref() == Some(handle),
        };
        if own {
            Ok(account)
        } else {
            Err(XrpcError::auth_required("Invalid repo: not the caller's own"))
        }
    }
}
