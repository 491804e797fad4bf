//! The rotation of refresh tokens.
//!
//! Each refresh token follows from the one before by a key of the server, and an access token with it. So a client whose
//! answer was lost, or who asked twice at once, gets the living tokens of the session again: there is one chain, whatever
//! the order. After the grace an exchanged token means that two parties hold the session, and it ends. Since the token
//! names its session, that is noticed however long ago the token was exchanged.
//!
//! One exchanged token is good beyond the grace: the last one, until something that came with the answer is used. Before,
//! nothing says that the answer has arrived, and a phone may be without a network for longer than any grace.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::rows::{self, SessionRow, after};
use super::sessions::{IssuedOAuth, OAuthSecret, OAuthSession, OAuthTokens, Outcome};
use super::{AccessCache, end};
use crate::sessions::{self, TokenId};
use crate::{MasterKey, Store, StoreError, WriteTx};

/// How long an exchanged refresh token still gives the tokens that came after it.
const GRACE: Duration = Duration::from_secs(60);
/// Refreshes within the grace that an exchanged token is followed through.
const MAX_STEPS: usize = 64;

/// A refresh that the client and its key were found good for.
#[derive(Clone, Debug)]
pub struct RefreshOAuthSession {
    pub token: TokenId,
    /// The scopes with permission sets written out anew.
    pub granted: String,
    /// How long the next access token lasts, within the session.
    pub access: Duration,
    /// How long the next refresh token lasts, within the session.
    pub refresh: Duration,
}

/// Why a refresh token is not exchanged.
#[derive(Debug, thiserror::Error)]
pub enum OAuthRefreshError {
    /// The session was ended, or never existed, or has no refresh tokens.
    #[error("the session was revoked")]
    Revoked,
    #[error("the session has expired")]
    Expired,
    /// An exchanged token came back after its grace: the session is ended now.
    #[error("a refresh token was used again after its grace; the session is revoked")]
    Replayed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// The session that a refresh token names, also if the token was exchanged; none when the session is over.
    pub async fn oauth_session_of_token(
        &self,
        token: &TokenId,
    ) -> Result<Option<OAuthSession>, StoreError> {
        self.oauth_session(token.family()).await
    }

    /// Ends the session of a refresh token at the wish of its client. A token that was exchanged counts as it does for a refresh.
    /// Returns whether there was such a session.
    pub async fn revoke_oauth_token(
        &self,
        token: TokenId,
        client_id: &str,
    ) -> Result<bool, StoreError> {
        let (cache, key) = (self.access_cache().clone(), self.master_key().clone());
        let client_id = client_id.to_owned();
        self.write_tx(move |tx| {
            let id = token.family();
            let Some(row) = rows::find_by(tx, "id", &id.0)? else { return Ok(false) };
            let is_own = row.session.client_id == client_id;
            let is_good = row.refresh_hash.as_ref() == Some(&token.hash())
                || sessions::is_within_grace(tx, &token, tx.now())?
                || unanswered(&row, &key, &token).is_some();
            Ok(is_own && is_good && end::end_where(tx, &cache, "id = ?1", [id.0])? > 0)
        })
        .await
    }

    /// Ends the session of its latest access token at the wish of its client. Clients sign out with what they have at
    /// hand, so the token may have expired. Returns whether there was such a session.
    pub async fn revoke_oauth_access(
        &self,
        secret: &OAuthSecret,
        client_id: &str,
    ) -> Result<bool, StoreError> {
        let cache = self.access_cache().clone();
        let (hash, client_id) = (secret.hash(), client_id.to_owned());
        self.write_tx(move |tx| {
            let which = "access_hash = ?1 AND client_id = ?2";
            Ok(end::end_where(tx, &cache, which, params![hash, client_id])? > 0)
        })
        .await
    }

    /// Exchanges a refresh token for the tokens that follow it.
    ///
    /// # Errors
    /// See [`OAuthRefreshError`]; whether the client may refresh is for the caller to judge before.
    pub async fn refresh_oauth_session(
        &self,
        refresh: RefreshOAuthSession,
    ) -> Result<IssuedOAuth, OAuthRefreshError> {
        let cache = self.access_cache().clone();
        let key = self.master_key().clone();
        let outcome = self.write_tx(move |tx| exchange(tx, &cache, &key, &refresh)).await?;
        match outcome {
            Outcome::Issued(issued) => Ok(*issued),
            Outcome::Replayed => Err(OAuthRefreshError::Replayed),
        }
    }
}

fn exchange(
    tx: &mut WriteTx<'_>,
    cache: &AccessCache,
    key: &MasterKey,
    refresh: &RefreshOAuthSession,
) -> Result<Outcome, OAuthRefreshError> {
    let id = refresh.token.family();
    let row = rows::find_by(tx, "id", &id.0)?.ok_or(OAuthRefreshError::Revoked)?;
    let Some(current) = row.refresh_hash else { return Err(OAuthRefreshError::Revoked) };
    if row.session.ends_at() <= tx.now() {
        return Err(OAuthRefreshError::Expired);
    }
    if current == refresh.token.hash() {
        return Ok(Outcome::Issued(Box::new(rotate(tx, cache, key, refresh, row)?)));
    }
    let again = match unanswered(&row, key, &refresh.token) {
        Some(tokens) => Some(tokens),
        None => tokens_again(tx, key, &refresh.token, &current, tx.now())?,
    };
    if let Some(tokens) = again {
        return Ok(Outcome::Issued(Box::new(IssuedOAuth { session: row.session, tokens })));
    }
    end::end_where(tx, cache, "id = ?1", [id.0])?;
    Ok(Outcome::Replayed)
}

fn rotate(
    tx: &mut WriteTx<'_>,
    cache: &AccessCache,
    key: &MasterKey,
    refresh: &RefreshOAuthSession,
    row: SessionRow,
) -> Result<IssuedOAuth, StoreError> {
    let now = tx.now();
    let mut session = row.session;
    session.granted.clone_from(&refresh.granted);
    session.updated_at = now;
    session.access_expires_at = after(now, refresh.access).min(session.expires_at);
    session.refresh_expires_at = Some(after(now, refresh.refresh).min(session.expires_at));
    let tokens = OAuthTokens::after(&refresh.token, key);
    rows::update(tx, &session, &tokens)?;
    sessions::remember_exchanged(tx, &refresh.token, after(now, GRACE), now)?;
    let cache = cache.clone();
    let old = row.access_hash;
    tx.after_commit(move || cache.drop_tokens(&[old]));
    Ok(IssuedOAuth { session, tokens })
}

/// The living tokens of a session for the holder of the one before, if nothing shows that they have arrived.
fn unanswered(row: &SessionRow, key: &MasterKey, token: &TokenId) -> Option<OAuthTokens> {
    if row.access_used {
        return None;
    }
    let tokens = OAuthTokens::after(token, key);
    let next = tokens.refresh.as_ref()?.hash();
    (row.refresh_hash.as_ref() == Some(&next)).then_some(tokens)
}

/// The living tokens of a session for the holder of an exchanged one within its grace.
fn tokens_again(
    conn: &Connection,
    key: &MasterKey,
    token: &TokenId,
    current: &sessions::TokenHash,
    now: Timestamp,
) -> Result<Option<OAuthTokens>, StoreError> {
    if !sessions::is_within_grace(conn, token, now)? {
        return Ok(None);
    }
    let mut tokens = OAuthTokens::after(token, key);
    for _ in 0..MAX_STEPS {
        let Some(next) = tokens.refresh else { return Ok(None) };
        if next.hash() == *current {
            return Ok(Some(tokens));
        }
        tokens = OAuthTokens::after(&next, key);
    }
    Ok(None)
}
