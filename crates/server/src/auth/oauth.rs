//! OAuth clients that call methods: an access token bound to a key, and a proof that the key made this request.
//!
//! Specs: <https://atproto.com/specs/oauth>, RFC 9449 §7. What a client may do is what its scopes say, whatever the
//! method's policy says of sessions.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cairn_oauth::dpop::{BoundToken, DpopError};
use cairn_oauth::scope::Scopes;
use cairn_oauth::token::AccessToken;
use cairn_oauth::{OAuthError, OAuthErrorCode};
use cairn_store::{OAuthAccess, SessionId};
use http::request::Parts;
use lru::LruCache;

use crate::app::App;
use crate::error::XrpcError;
use crate::oauth::{access_secret, proof_text};

use super::{Grant, Holder, Session, SessionScope};

/// Grants whose scopes are kept ready. About 2 KiB each.
const MAX_GRANTS: NonZeroUsize = NonZeroUsize::new(8_192).expect("it is not zero");

/// Whether a bearer token is an access token that was bound to a key.
pub(super) fn is_bound(token: &str) -> bool {
    AccessToken::parse(token).is_ok()
}

/// 401 for a bound token that is sent like one that anybody could use.
pub(super) fn unproven() -> XrpcError {
    OAuthError::new(OAuthErrorCode::InvalidToken, "the token is bound to a key: send it as DPoP")
        .into()
}

/// Checks token and proof of a request.
///
/// # Errors
/// 401 with the name of an OAuth error, and a challenge.
pub(super) async fn verify(app: &App, text: &str, request: &Parts) -> Result<Session, XrpcError> {
    let invalid = || OAuthError::new(OAuthErrorCode::InvalidToken, "the access token is not valid");
    let token = AccessToken::parse(text).map_err(|_| invalid())?;
    let secret = access_secret(&token);
    let access = app.store.oauth_access(&secret).await?.ok_or_else(invalid)?;
    check_proof(app, text, &access, request).map_err(OAuthError::from)?;
    if let Err(err) = app.store.note_oauth_access(&secret, &access).await {
        // A full disk is no reason to read nothing.
        let error = &err as &dyn std::error::Error;
        tracing::warn!(error, "the first use of an access token was not noted");
    }
    let account = app.store.account(access.account).await?.ok_or_else(invalid)?;
    let grant = app.grants.of(&access);
    if !grant.scopes.contains_atproto() {
        return Err(invalid().into());
    }
    Ok(Session { account, scope: SessionScope::AppPassword, grant: Some(grant) })
}

fn check_proof(
    app: &App,
    text: &str,
    access: &OAuthAccess,
    request: &Parts,
) -> Result<(), DpopError> {
    let proof = proof_text(&request.headers)?.ok_or(DpopError::Missing)?;
    let url = format!("{}{}", app.config.public_url, request.uri.path());
    let token = BoundToken { access_token: text, jkt: &access.jkt };
    let (method, now) = (request.method.as_str(), app.clock.now());
    app.oauth.proofs.verify(proof, method, &url, Some(token), now).map(drop)
}

/// 403 for methods that are for the account's owner alone.
pub(super) fn never() -> XrpcError {
    XrpcError::forbidden("Forbidden", "OAuth credentials are not supported for this endpoint")
}

/// Scopes of the clients that called last, so that they are not read anew for each request.
pub(crate) struct Grants(Mutex<Known>);

type Known = LruCache<SessionId, (Arc<OAuthAccess>, Arc<Grant>)>;

impl Grants {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(LruCache::new(MAX_GRANTS)))
    }

    fn of(&self, access: &Arc<OAuthAccess>) -> Arc<Grant> {
        if let Some((known, grant)) = self.lock().get(&access.session)
            && (Arc::ptr_eq(known, access) || known.granted == access.granted)
        {
            return Arc::clone(grant);
        }
        let client_id = access.client_id.clone();
        let grant = Arc::new(Grant {
            holder: Holder::Client { client_id, session: access.session },
            scopes: Scopes::parse(&access.granted),
        });
        self.lock().put(access.session, (Arc::clone(access), Arc::clone(&grant)));
        grant
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
