//! The rows of sessions and of exchanged tokens.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::token::{TokenHash, TokenId};
use super::{
    IssuedToken, MAX_REMEMBERED, MAX_USER_AGENT_BYTES, NewSession, REFRESH_GRACE, SESSION_LIFETIME,
    SessionClient, SessionId, SessionInfo,
};
use crate::accounts::columns::{instant, micros};
use crate::text::cut;
use crate::{AccountId, AppPassword, StoreError, app_passwords};

pub(super) struct SessionRow {
    pub account: AccountId,
    pub token_hash: TokenHash,
    pub expires_at: Timestamp,
    pub app_password: Option<AppPassword>,
}

/// When a token that is issued `now` expires.
pub(super) fn expiry(now: Timestamp) -> Timestamp {
    now.saturating_add(SESSION_LIFETIME).unwrap_or(Timestamp::MAX)
}

/// Whether the credential that a session is asked for with is still the account's, or that of who waits for one.
pub(super) fn still_holds(
    conn: &Connection,
    account: AccountId,
    new: &NewSession,
) -> Result<bool, StoreError> {
    // One that was made under the same name since is another.
    if let Some(used) = &new.app_password {
        return Ok(app_passwords::by_name(conn, account, &used.name)?.as_ref() == Some(used));
    }
    password_holds(conn, account, new.password_hash.as_deref())
}

/// Whether the account is there and its password has this hash, if one is told.
pub(crate) fn password_holds(
    conn: &Connection,
    account: AccountId,
    password_hash: Option<&str>,
) -> Result<bool, StoreError> {
    let stored: Option<Option<String>> = conn
        .prepare_cached(
            "SELECT password_hash FROM account WHERE id = ?1
             UNION ALL SELECT password_hash FROM applicant WHERE account = ?1",
        )?
        .query_row([account.get()], |row| row.get(0))
        .optional()?;
    Ok(stored.is_some_and(|stored| password_hash.is_none() || stored.as_deref() == password_hash))
}

pub(super) fn insert(
    conn: &Connection,
    account: AccountId,
    token: TokenId,
    new: &NewSession,
    now: Timestamp,
) -> Result<IssuedToken, StoreError> {
    let expires_at = expiry(now);
    conn.prepare_cached(
        "INSERT INTO session (id, account, token_hash, app_password, created_at, last_used_at,
           expires_at, user_agent, ip)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        token.family().0,
        account.get(),
        token.hash().0,
        new.app_password.as_ref().map(|password| &password.name),
        micros(now),
        micros(expires_at),
        user_agent(&new.client),
        new.client.ip,
    ])?;
    let app_password = new.app_password.clone();
    Ok(IssuedToken { account, token_id: token, expires_at, app_password })
}

/// An app password takes its sessions along when it goes; should one be left over, it is no session.
pub(super) fn find(conn: &Connection, id: SessionId) -> Result<Option<SessionRow>, StoreError> {
    let found = conn
        .prepare_cached(
            "SELECT account, token_hash, expires_at, app_password FROM session WHERE id = ?1",
        )?
        .query_row([id.0], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, Option<String>>(3)?))
        })
        .optional()?;
    let Some((account, token_hash, expires_at, name)) = found else {
        return Ok(None);
    };
    let account = AccountId::new(account);
    let app_password = match name {
        Some(name) => {
            let Some(password) = app_passwords::by_name(conn, account, &name)? else {
                return Ok(None);
            };
            Some(password)
        }
        None => None,
    };
    Ok(Some(SessionRow {
        account,
        token_hash: TokenHash(token_hash),
        expires_at: instant(expires_at),
        app_password,
    }))
}

/// Makes `next` the current token and remembers `token` for its grace.
pub(super) fn rotate(
    conn: &Connection,
    token: &TokenId,
    next: &TokenId,
    client: &SessionClient,
    now: Timestamp,
) -> Result<(), StoreError> {
    let usable_until = now.saturating_add(REFRESH_GRACE).unwrap_or(Timestamp::MAX);
    conn.prepare_cached(
        "UPDATE session SET token_hash = ?2, last_used_at = ?3, expires_at = ?4,
           user_agent = COALESCE(?5, user_agent), ip = COALESCE(?6, ip)
         WHERE id = ?1",
    )?
    .execute(params![
        token.family().0,
        next.hash().0,
        micros(now),
        micros(expiry(now)),
        user_agent(client),
        client.ip,
    ])?;
    remember_exchanged(conn, token, usable_until, now)
}

/// Remembers an exchanged token for its grace.
pub(crate) fn remember_exchanged(
    conn: &Connection,
    token: &TokenId,
    usable_until: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let family = token.family().0;
    conn.prepare_cached(
        "DELETE FROM rotated_token WHERE session = ?1 AND (usable_until <= ?2 OR token_hash IN (
           SELECT token_hash FROM rotated_token WHERE session = ?1
           ORDER BY usable_until DESC LIMIT -1 OFFSET ?3))",
    )?
    .execute(params![family, micros(now), MAX_REMEMBERED - 1])?;
    conn.prepare_cached(
        "INSERT INTO rotated_token (session, token_hash, usable_until) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![family, token.hash().0, micros(usable_until)])?;
    Ok(())
}

/// Whether an exchanged token is still within its grace.
pub(crate) fn is_within_grace(
    conn: &Connection,
    token: &TokenId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let usable_until: Option<i64> = conn
        .prepare_cached(
            "SELECT usable_until FROM rotated_token WHERE session = ?1 AND token_hash = ?2",
        )?
        .query_row(params![token.family().0, token.hash().0], |row| row.get(0))
        .optional()?;
    Ok(usable_until.is_some_and(|until| until > micros(now)))
}

pub(super) fn delete(conn: &Connection, id: SessionId) -> Result<bool, StoreError> {
    conn.prepare_cached("DELETE FROM rotated_token WHERE session = ?1")?.execute([id.0])?;
    Ok(conn.prepare_cached("DELETE FROM session WHERE id = ?1")?.execute([id.0])? > 0)
}

/// Ends the sessions of an account inside a transaction.
pub(crate) fn delete_all(
    conn: &Connection,
    account: AccountId,
    except: Option<SessionId>,
) -> Result<usize, StoreError> {
    let except = except.map(|id| id.0);
    conn.prepare_cached(
        "DELETE FROM rotated_token WHERE session IN (
           SELECT id FROM session WHERE account = ?1 AND id IS NOT ?2)",
    )?
    .execute(params![account.get(), except])?;
    Ok(conn
        .prepare_cached("DELETE FROM session WHERE account = ?1 AND id IS NOT ?2")?
        .execute(params![account.get(), except])?)
}

/// Ends the sessions that were opened with one app password.
pub(crate) fn delete_of_app_password(
    conn: &Connection,
    account: AccountId,
    name: &str,
) -> Result<usize, StoreError> {
    conn.prepare_cached(
        "DELETE FROM rotated_token WHERE session IN (
           SELECT id FROM session WHERE account = ?1 AND app_password = ?2)",
    )?
    .execute(params![account.get(), name])?;
    Ok(conn
        .prepare_cached("DELETE FROM session WHERE account = ?1 AND app_password = ?2")?
        .execute(params![account.get(), name])?)
}

/// Ends the sessions that were opened with any app password.
pub(crate) fn delete_of_app_passwords(
    conn: &Connection,
    account: AccountId,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "DELETE FROM rotated_token WHERE session IN (
           SELECT id FROM session WHERE account = ?1 AND app_password IS NOT NULL)",
    )?
    .execute([account.get()])?;
    conn.prepare_cached("DELETE FROM session WHERE account = ?1 AND app_password IS NOT NULL")?
        .execute([account.get()])?;
    Ok(())
}

pub(super) fn list(
    conn: &Connection,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<SessionInfo>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, app_password, created_at, last_used_at, expires_at, user_agent, ip
         FROM session WHERE account = ?1 AND expires_at > ?2 ORDER BY created_at DESC",
    )?;
    let rows = statement.query_map(params![account.get(), micros(now)], |row| {
        Ok(SessionInfo {
            id: SessionId(row.get(0)?),
            app_password: row.get(1)?,
            created_at: instant(row.get(2)?),
            last_used_at: instant(row.get(3)?),
            expires_at: instant(row.get(4)?),
            client: SessionClient { user_agent: row.get(5)?, ip: row.get(6)? },
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes expired rows, at most `limit` sessions and as many exchanged tokens. Returns how many of
/// each.
pub(super) fn prune(
    conn: &Connection,
    now: Timestamp,
    limit: usize,
) -> Result<(usize, usize), StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let tokens = conn
        .prepare_cached(
            "DELETE FROM rotated_token WHERE (session, token_hash) IN (
               SELECT session, token_hash FROM rotated_token WHERE usable_until <= ?1 LIMIT ?2)",
        )?
        .execute((micros(now), limit))?;
    let sessions = conn
        .prepare_cached(
            "DELETE FROM session WHERE id IN (
               SELECT id FROM session WHERE expires_at <= ?1 LIMIT ?2)",
        )?
        .execute((micros(now), limit))?;
    Ok((sessions, tokens))
}

fn user_agent(client: &SessionClient) -> Option<&str> {
    client.user_agent.as_deref().map(|agent| cut(agent, MAX_USER_AGENT_BYTES))
}
