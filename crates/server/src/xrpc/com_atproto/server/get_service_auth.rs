//! `com.atproto.server.getServiceAuth`
//!
//! Spec: <https://atproto.com/specs/xrpc#inter-service-authentication-jwt>.

use std::time::Duration;

use cairn_identity::service_auth::{self, Claims, DEFAULT_LIFETIME};
use cairn_model::{Did, Nsid};
use serde::{Deserialize, Serialize};

use crate::accounts::identity;
use crate::accounts::session::is_blocked;
use crate::auth::{CREATE_ACCOUNT, Session, SessionScope, is_privileged, is_protected};
use crate::error::XrpcError;
use crate::xrpc::{Cx, Json, Params, Result};

/// A token may live this long if it is for one method, and this long if it is for any.
const MAX_SECONDS: i64 = 3_600;
const MAX_SECONDS_WITHOUT_METHOD: i64 = 60;
const MAX_AUDIENCE_BYTES: usize = 2_048;

#[derive(Deserialize)]
pub struct GetServiceAuth {
    aud: String,
    exp: Option<i64>,
    lxm: Option<Nsid>,
}

#[derive(Serialize)]
pub struct ServiceAuth {
    token: String,
}

pub async fn get_service_auth(
    cx: Cx<Session>,
    Params(params): Params<GetServiceAuth>,
) -> Result<Json<ServiceAuth>> {
    check_audience(&params.aud)?;
    check_method(&cx.caller, params.lxm.as_ref())?;
    cx.caller.check_rpc(params.lxm.as_ref().map_or("*", Nsid::as_str), &params.aud)?;
    let lifetime = lifetime(params.exp, params.lxm.is_some(), cx.app.now_seconds())?;
    let did = cx.caller.did();
    let key = identity::signing_key(&cx.app, did).await?;
    let claims = Claims::new(did, params.aud, params.lxm.as_ref(), cx.app.clock.now(), lifetime);
    Ok(Json(ServiceAuth { token: service_auth::create(&key, &claims) }))
}

/// A DID, or a DID and the name of one of its services.
fn check_audience(aud: &str) -> Result<()> {
    let (did, service) = match aud.split_once('#') {
        Some((did, service)) => (did, Some(service)),
        None => (aud, None),
    };
    let is_fragment = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    };
    if aud.len() > MAX_AUDIENCE_BYTES
        || Did::check(did).is_err()
        || service.is_some_and(|service| !is_fragment(service))
    {
        return Err(XrpcError::invalid_request("aud must be a DID or a DID with a service id"));
    }
    Ok(())
}

fn check_method(caller: &Session, lxm: Option<&Nsid>) -> Result<()> {
    let method = lxm.map(Nsid::as_str).unwrap_or_default();
    if is_protected(method) {
        return Err(XrpcError::invalid_request(format!(
            "cannot request a service auth token for the following protected method: {method}"
        )));
    }
    let creates_account = method.eq_ignore_ascii_case(CREATE_ACCOUNT);
    // Access tokens from before a takedown are still good for a while: the account's state counts, not only their scope.
    let takendown = caller.scope == SessionScope::Takendown || is_blocked(&caller.account);
    if takendown && !creates_account {
        return Err(XrpcError::invalid_token("Bad token scope"));
    }
    let may = caller.is_privileged() || caller.scope == SessionScope::Takendown;
    if is_privileged(method) && !may {
        return Err(XrpcError::invalid_request(format!(
            "insufficient access to request a service auth token for the following method: {method}"
        )));
    }
    Ok(())
}

/// `exp` is in seconds since 1970.
fn lifetime(exp: Option<i64>, has_method: bool, now: i64) -> Result<Duration> {
    let Some(exp) = exp else { return Ok(DEFAULT_LIFETIME) };
    let seconds = exp.saturating_sub(now);
    let too_far = match () {
        () if seconds > MAX_SECONDS => {
            Some("cannot request a token with an expiration more than an hour in the future")
        }
        () if !has_method && seconds > MAX_SECONDS_WITHOUT_METHOD => Some(
            "cannot request a method-less token with an expiration more than a minute in the future",
        ),
        () => None,
    };
    match (u64::try_from(seconds), too_far) {
        (Ok(seconds @ 1..), None) => Ok(Duration::from_secs(seconds)),
        (_, Some(reason)) => Err(XrpcError::named("BadExpiration", reason)),
        _ => Err(XrpcError::named("BadExpiration", "expiration is in past")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_live_an_hour_at_most_and_a_minute_without_a_method() {
        let seconds = |exp, has_method| {
            lifetime(exp, has_method, 1_000)
                .map(|d| d.as_secs())
                .map_err(|err| err.name().to_owned())
        };
        assert_eq!(seconds(None, true), Ok(60));
        assert_eq!(seconds(Some(4_600), true), Ok(3_600));
        assert_eq!(seconds(Some(4_601), true), Err("BadExpiration".to_owned()));
        assert_eq!(seconds(Some(1_060), false), Ok(60));
        assert_eq!(seconds(Some(1_061), false), Err("BadExpiration".to_owned()));
        assert_eq!(seconds(Some(1_000), true), Err("BadExpiration".to_owned()));
        assert_eq!(seconds(Some(i64::MIN), true), Err("BadExpiration".to_owned()));
    }

    #[test]
    fn audiences_are_dids_with_or_without_a_service() {
        for aud in ["did:web:api.test", "did:web:api.test#bsky_appview", "did:plc:abc"] {
            assert!(check_audience(aud).is_ok(), "{aud}");
        }
        for aud in
            ["", "api.test", "did:web:api.test#", "did:web:api.test#a b", "did:web:api.test#a#b"]
        {
            assert!(check_audience(aud).is_err(), "{aud}");
        }
    }
}
