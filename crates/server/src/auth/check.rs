//! From a request's headers and a method's policy to a credential.

use std::net::IpAddr;
use std::sync::Arc;

use cairn_model::Did;
use cairn_store::{Account, AccountStatus};
use http::HeaderMap;
use http::request::Parts;
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::error::XrpcError;
use crate::limits::{Bucket, RateReport, counted_as};
use crate::xrpc::Endpoint;

use super::header::{self, Sent};
use super::policy::{Access, AuthPolicy, OAuthPolicy, SessionPolicy};
use super::tokens::{AccessClaims, looks_like_service_token};
use super::{
    Credential, Grant, Holder, Refresh, Session, SessionScope, basic, oauth, scopes, service,
};

/// Finds out who calls, or why they may not.
///
/// # Errors
/// Names and statuses are those that clients of the reference implementation know.
pub async fn authenticate(
    app: &App,
    endpoint: &Endpoint,
    request: &Parts,
    client_ip: IpAddr,
) -> Result<Credential, XrpcError> {
    if endpoint.auth == AuthPolicy::Anyone {
        return Ok(Credential::Anyone);
    }
    let sent = header::parse(&request.headers)?;
    let admin = |sent| admin(app, &request.headers, client_ip, sent);
    match endpoint.auth {
        AuthPolicy::Anyone => Ok(Credential::Anyone),
        AuthPolicy::Session(policy) => match sent {
            Sent::Dpop(token) => client(app, endpoint, request, token, policy).await,
            sent => session(app, endpoint, request, bearer(sent)?, policy).await,
        },
        AuthPolicy::SessionOrApplicant(policy) => match sent {
            Sent::Dpop(token) => client(app, endpoint, request, token, policy).await,
            sent => session_or_applicant(app, endpoint, request, bearer(sent)?, policy).await,
        },
        AuthPolicy::Refresh { expired_ok } => refresh(app, bearer(sent)?, expired_ok),
        AuthPolicy::Admin => admin(sent),
        AuthPolicy::Moderator => match sent {
            Sent::Bearer(token) => {
                service::verify_moderator(app, endpoint, token).await.map(Credential::Service)
            }
            sent => admin(sent),
        },
        AuthPolicy::Newcomer => match sent {
            Sent::Nothing => Ok(Credential::Anyone),
            Sent::Bearer(token) => {
                service::verify(app, endpoint, token).await.map(Credential::Service)
            }
            Sent::Basic(_) => admin(sent),
            Sent::Dpop(_) => Err(unusable()),
        },
        AuthPolicy::SessionOrService(policy) => {
            if let Sent::Dpop(token) = sent {
                return client(app, endpoint, request, token, policy).await;
            }
            let token = bearer(sent)?;
            if looks_like_service_token(token) {
                let service = service::verify(app, endpoint, token).await?;
                let account = account(app, &service.iss).await?;
                check_status(&account, policy)?;
                return Ok(Credential::Service(service));
            }
            session(app, endpoint, request, token, policy).await
        }
        AuthPolicy::SessionOrModerator(policy) => match sent {
            Sent::Dpop(token) => client(app, endpoint, request, token, policy).await,
            Sent::Bearer(token) if looks_like_service_token(token) => {
                service::verify_moderator(app, endpoint, token).await.map(Credential::Service)
            }
            sent => session(app, endpoint, request, bearer(sent)?, policy).await,
        },
        AuthPolicy::RepoReader(policy) => match sent {
            Sent::Nothing => Ok(Credential::Anyone),
            Sent::Bearer(token) => session(app, endpoint, request, token, policy).await,
            Sent::Basic(_) => admin(sent),
            Sent::Dpop(token) => client(app, endpoint, request, token, policy).await,
        },
    }
}

fn bearer(sent: Sent<'_>) -> Result<&str, XrpcError> {
    match sent {
        Sent::Bearer(token) => Ok(token),
        Sent::Nothing => Err(XrpcError::unauthorized("AuthMissing", "Authentication Required")),
        Sent::Basic(_) | Sent::Dpop(_) => {
            Err(XrpcError::invalid_token("Unexpected authorization type"))
        }
    }
}

fn unusable() -> XrpcError {
    XrpcError::auth_required("Invalid authorization header")
}

/// The session of a request to a method that stands in no table. Its scopes are the caller's to check.
///
/// # Errors
/// As [`authenticate`].
pub(crate) async fn session_of(
    app: &App,
    request: &Parts,
    access: &Access<Session>,
) -> Result<Session, XrpcError> {
    let AuthPolicy::Session(policy) = access.policy else {
        return Err(XrpcError::internal("the policy asks for something other than a session"));
    };
    match header::parse(&request.headers)? {
        Sent::Dpop(token) => client_session(app, token, request, policy).await,
        sent => signed_in(app, bearer(sent)?, policy).await,
    }
}

/// An OAuth client that may call the method.
async fn client(
    app: &App,
    endpoint: &Endpoint,
    request: &Parts,
    token: &str,
    policy: SessionPolicy,
) -> Result<Credential, XrpcError> {
    if endpoint.oauth == OAuthPolicy::Never {
        return Err(oauth::never());
    }
    let session = client_session(app, token, request, policy).await?;
    scopes::allow(app, endpoint, request, &session)?;
    Ok(Credential::Session(session))
}

/// The session of an OAuth client, its scopes not yet held against anything.
async fn client_session(
    app: &App,
    token: &str,
    request: &Parts,
    policy: SessionPolicy,
) -> Result<Session, XrpcError> {
    let session = oauth::verify(app, token, request).await?;
    check_status(&session.account, policy)?;
    Ok(session)
}

async fn session(
    app: &App,
    endpoint: &Endpoint,
    request: &Parts,
    token: &str,
    policy: SessionPolicy,
) -> Result<Credential, XrpcError> {
    let session = signed_in(app, token, policy).await?;
    scopes::allow(app, endpoint, request, &session)?;
    Ok(Credential::Session(session))
}

/// A token from the time before the approval stays what it is: of an account, with few rights.
async fn session_or_applicant(
    app: &App,
    endpoint: &Endpoint,
    request: &Parts,
    token: &str,
    policy: SessionPolicy,
) -> Result<Credential, XrpcError> {
    let claims = bearer_claims(app, token)?;
    if claims.scope == SessionScope::SignupQueued
        && policy.scopes.contains(claims.scope)
        && let Some(applicant) = app.store.applicant(&claims.did).await?
    {
        return Ok(Credential::Applicant(Box::new(applicant)));
    }
    let session = session_of_claims(app, claims, policy).await?;
    scopes::allow(app, endpoint, request, &session)?;
    Ok(Credential::Session(session))
}

/// The session of a token, its scopes not yet held against anything.
async fn signed_in(app: &App, token: &str, policy: SessionPolicy) -> Result<Session, XrpcError> {
    session_of_claims(app, bearer_claims(app, token)?, policy).await
}

/// What an access token says that needs no proof beside it.
fn bearer_claims(app: &App, token: &str) -> Result<AccessClaims, XrpcError> {
    if oauth::is_bound(token) {
        return Err(oauth::unproven());
    }
    Ok(app.tokens.verify_access(token, app.now_seconds())?)
}

async fn session_of_claims(
    app: &App,
    claims: AccessClaims,
    policy: SessionPolicy,
) -> Result<Session, XrpcError> {
    if !policy.scopes.contains(claims.scope.at_most()) {
        return Err(XrpcError::invalid_token("Bad token scope"));
    }
    let account = account(app, &claims.did).await?;
    check_status(&account, policy)?;
    let held = |scopes| Arc::new(Grant { holder: Holder::AppPassword, scopes });
    Ok(Session { account, scope: claims.scope, grant: claims.scopes.map(held) })
}

async fn account(app: &App, did: &Did) -> Result<Arc<Account>, XrpcError> {
    let account = app.store.account(did).await?;
    account.ok_or_else(|| XrpcError::forbidden("AccountNotFound", "Account not found"))
}

fn check_status(account: &Account, policy: SessionPolicy) -> Result<(), XrpcError> {
    match account.status() {
        AccountStatus::Takendown | AccountStatus::Suspended if policy.refuse_takendown => {
            Err(XrpcError::unauthorized("AccountTakedown", "Account has been taken down"))
        }
        AccountStatus::Deactivated if policy.refuse_deactivated => {
            Err(XrpcError::unauthorized("AccountDeactivated", "Account is deactivated"))
        }
        _ => Ok(()),
    }
}

fn refresh(app: &App, token: &str, expired_ok: bool) -> Result<Credential, XrpcError> {
    let claims = app.tokens.verify_refresh(token, app.now_seconds())?;
    if claims.is_expired && !expired_ok {
        return Err(super::TokenError::Expired.into());
    }
    Ok(Credential::Refresh(Refresh {
        did: claims.did,
        jti: claims.jti,
        expires_at: claims.expires_at,
    }))
}

/// Whether a request beside XRPC is the operator's.
///
/// # Errors
/// 401, or 400 for another kind of credential; 429 for an address that has guessed too often.
pub(crate) fn check_admin(
    app: &App,
    headers: &HeaderMap,
    client_ip: IpAddr,
) -> Result<(), XrpcError> {
    admin(app, headers, client_ip, header::parse(headers)?).map(drop)
}

/// Whether a request comes from what collects figures: with the token that is for nothing else, or from the operator.
///
/// # Errors
/// As [`check_admin`].
pub(crate) fn check_collector(
    app: &App,
    headers: &HeaderMap,
    client_ip: IpAddr,
) -> Result<(), XrpcError> {
    let sent = header::parse(headers)?;
    let (Sent::Bearer(token), Some(expected)) = (&sent, &app.config.metrics_token) else {
        return admin(app, headers, client_ip, sent).map(drop);
    };
    guess(app, headers, client_ip, || bool::from(expected.expose().ct_eq(token.as_bytes())))
}

fn admin(
    app: &App,
    headers: &HeaderMap,
    client_ip: IpAddr,
    sent: Sent<'_>,
) -> Result<Credential, XrpcError> {
    let token = match sent {
        Sent::Nothing => {
            return Err(XrpcError::unauthorized("AuthMissing", "Authentication Required"));
        }
        Sent::Bearer(_) | Sent::Dpop(_) => {
            return Err(XrpcError::invalid_token("Unexpected authorization type"));
        }
        Sent::Basic(token) => token,
    };
    let password = app.config.admin_password.as_ref();
    guess(app, headers, client_ip, || basic::is_admin(token, password))?;
    Ok(Credential::Admin)
}

/// An address whose guesses are spent does not learn whether another one is right.
fn guess(
    app: &App,
    headers: &HeaderMap,
    client_ip: IpAddr,
    is_right: impl FnOnce() -> bool,
) -> Result<(), XrpcError> {
    let (bucket, key) = (Bucket::AdminSignIn, counted_as(client_ip));
    app.limits.require_room(bucket, &key, headers, client_ip)?;
    if is_right() {
        return Ok(());
    }
    app.figures.counters.wrong_passwords.up();
    app.limits.charge(bucket, &key, 1, headers, client_ip, &RateReport::default())?;
    Err(XrpcError::auth_required("Invalid credentials"))
}
