//! The rows of OAuth sessions.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SecretHash;
use super::devices::DeviceId;
use super::requests::{OAuthGrant, OAuthRequest};
use super::sessions::{NewOAuthSession, OAuthAccess, OAuthSession, OAuthTokens};
use crate::accounts::columns::{instant, micros, opt_instant};
use crate::sessions::TokenHash;
use crate::{AccountId, SessionId, StoreError};

/// A session with the hash of the refresh token that is good for it.
pub(super) struct SessionRow {
    pub session: OAuthSession,
    pub refresh_hash: Option<TokenHash>,
    pub access_hash: SecretHash,
    /// Whether the access token was used since the last refresh.
    pub access_used: bool,
}

/// What a session is made from.
pub(super) struct NewRow<'a> {
    pub request: &'a OAuthRequest,
    pub grant: &'a OAuthGrant,
    pub new: &'a NewOAuthSession,
    pub code: &'a SecretHash,
}

pub(super) fn insert(
    conn: &Connection,
    id: SessionId,
    made: &NewRow<'_>,
    tokens: &OAuthTokens,
    now: Timestamp,
) -> Result<OAuthSession, StoreError> {
    let NewRow { request, grant, new, code } = made;
    let lifetimes = new.lifetimes;
    let expires_at = after(now, lifetimes.session);
    let session = OAuthSession {
        id,
        account: grant.account,
        client_id: request.client_id.clone(),
        client_auth: new.client_auth.clone(),
        parameters: request.parameters.clone(),
        scope: grant.scope.clone(),
        granted: new.granted.clone(),
        jkt: new.jkt.clone(),
        device: request.device,
        created_at: now,
        updated_at: now,
        expires_at,
        access_expires_at: after(now, lifetimes.access).min(expires_at),
        refresh_expires_at: lifetimes.refresh.map(|refresh| after(now, refresh).min(expires_at)),
    };
    conn.prepare_cached(
        "INSERT INTO oauth_session (id, account, client_id, client_auth, parameters, scope, granted,
           jkt, device, code_hash, created_at, updated_at, expires_at, access_hash,
           access_expires_at, refresh_hash, refresh_expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?
    .execute(params![
        id.0,
        session.account.get(),
        session.client_id,
        session.client_auth,
        session.parameters,
        session.scope,
        session.granted,
        session.jkt,
        session.device.map(|device| device.0),
        code,
        micros(now),
        micros(expires_at),
        tokens.access.hash(),
        micros(session.access_expires_at),
        tokens.refresh.map(|token| token.hash().0),
        session.refresh_expires_at.map(micros),
    ])?;
    Ok(session)
}

/// Stores the tokens and times of a session that is refreshed.
pub(super) fn update(
    conn: &Connection,
    session: &OAuthSession,
    tokens: &OAuthTokens,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "UPDATE oauth_session SET granted = ?2, updated_at = ?3, access_hash = ?4,
           access_expires_at = ?5, refresh_hash = ?6, refresh_expires_at = ?7, access_used = 0
         WHERE id = ?1",
    )?
    .execute(params![
        session.id.0,
        session.granted,
        micros(session.updated_at),
        tokens.access.hash(),
        micros(session.access_expires_at),
        tokens.refresh.map(|token| token.hash().0),
        session.refresh_expires_at.map(micros),
    ])?;
    Ok(())
}

pub(super) fn find_by(
    conn: &Connection,
    column: &'static str,
    value: &[u8],
) -> Result<Option<SessionRow>, StoreError> {
    Ok(conn
        .prepare_cached(&format!("SELECT * FROM oauth_session WHERE {column} = ?1"))?
        .query_row([value], |row| {
            Ok(SessionRow {
                session: from_row(row)?,
                refresh_hash: row.get::<_, Option<_>>("refresh_hash")?.map(TokenHash),
                access_hash: row.get("access_hash")?,
                access_used: row.get("access_used")?,
            })
        })
        .optional()?)
}

/// What an access token stands for.
pub(super) fn access(
    conn: &Connection,
    hash: &SecretHash,
) -> Result<Option<OAuthAccess>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT id, account, client_id, granted, jkt, updated_at, access_expires_at, access_used
             FROM oauth_session WHERE access_hash = ?1",
        )?
        .query_row([hash], |row| {
            Ok(OAuthAccess {
                session: SessionId(row.get(0)?),
                account: AccountId::new(row.get(1)?),
                client_id: row.get(2)?,
                granted: row.get(3)?,
                jkt: row.get(4)?,
                issued_at: instant(row.get(5)?),
                expires_at: instant(row.get(6)?),
                is_used: row.get(7)?,
            })
        })
        .optional()?)
}

pub(super) fn note_access(conn: &Connection, hash: &SecretHash) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE oauth_session SET access_used = 1 WHERE access_hash = ?1")?
        .execute([hash])?;
    Ok(())
}

pub(super) fn list(
    conn: &Connection,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<OAuthSession>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT * FROM oauth_session
         WHERE account = ?1 AND coalesce(refresh_expires_at, access_expires_at) > ?2
         ORDER BY updated_at DESC, id",
    )?;
    let rows = statement.query_map(params![account.get(), micros(now)], from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The moment that lies `duration` after `now`.
pub(super) fn after(now: Timestamp, duration: Duration) -> Timestamp {
    now.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<OAuthSession> {
    Ok(OAuthSession {
        id: SessionId(row.get("id")?),
        account: AccountId::new(row.get("account")?),
        client_id: row.get("client_id")?,
        client_auth: row.get("client_auth")?,
        parameters: row.get("parameters")?,
        scope: row.get("scope")?,
        granted: row.get("granted")?,
        jkt: row.get("jkt")?,
        device: row.get::<_, Option<_>>("device")?.map(DeviceId),
        created_at: instant(row.get("created_at")?),
        updated_at: instant(row.get("updated_at")?),
        expires_at: instant(row.get("expires_at")?),
        access_expires_at: instant(row.get("access_expires_at")?),
        refresh_expires_at: opt_instant(row, "refresh_expires_at")?,
    })
}
