//! Sign-in sessions: families of refresh tokens that rotate with each use.
//!
//! The store deals in token ids, the `jti` of a refresh token; the token itself is made and signed
//! above. An id is `base64url(family || secret)`: the family names the row, the secret is stored as
//! a hash only. Each next id is derived from the one before with a key of the server, so that a
//! client that lost the answer gets the same next id again while the grace lasts. After it, using
//! an exchanged token means that two parties hold the family, and the family ends.

mod rows;
#[cfg(test)]
mod tests;
mod token;

use std::fmt;

use data_encoding::HEXLOWER;
use jiff::Timestamp;

pub(crate) use token::TokenHash;
pub use token::TokenId;

use crate::{AccountId, AppPassword, HistoryKind, Store, StoreError, history};

/// How long a refresh token can be used. Each refresh starts it anew.
pub const SESSION_LIFETIME: jiff::SignedDuration = jiff::SignedDuration::from_hours(90 * 24);
/// How long an exchanged refresh token still gives the same next one.
pub const REFRESH_GRACE: jiff::SignedDuration = jiff::SignedDuration::from_hours(2);
/// Exchanged tokens remembered per session; more than any client makes within the grace.
const MAX_REMEMBERED: i64 = 64;
/// Rows that one step of the housekeeping removes; the writer serves others in between.
const PRUNE_STEP: usize = 500;
/// Longer descriptions of a client are cut.
const MAX_USER_AGENT_BYTES: usize = 512;

/// What a new session is made from.
#[derive(Clone, Debug, Default)]
pub struct NewSession {
    /// The app password that was used; none for the account's own password. No session is opened once it is another.
    pub app_password: Option<AppPassword>,
    /// The hash that the account's own password was checked against; no session is opened once it is another.
    pub password_hash: Option<String>,
    pub client: SessionClient,
}

/// Who uses a session, for its owner's list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionClient {
    /// As the client sent it; cut after 512 bytes.
    pub user_agent: Option<String>,
    pub ip: Option<String>,
}

/// What was proven when the session was asked for no longer holds.
#[derive(Debug, thiserror::Error)]
pub enum CreateSessionError {
    /// The account, its app password or its password is gone: whoever changed it ended all sessions, and this
    /// one must not slip through.
    #[error("the credential was revoked or changed")]
    CredentialGone,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A refresh token to issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedToken {
    pub account: AccountId,
    pub token_id: TokenId,
    pub expires_at: Timestamp,
    /// The app password behind the session, if one is.
    pub app_password: Option<AppPassword>,
}

/// One session, for a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    pub id: SessionId,
    pub app_password: Option<String>,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
    /// Who used it last.
    pub client: SessionClient,
}

/// The public name of a session; knowing it gives no access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; token::FAMILY_BYTES]);

impl SessionId {
    /// Reads the hexadecimal form, as pages show it.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

/// Hexadecimal, in lower case.
impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// Why a refresh token is not exchanged.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The session was not used for [`SESSION_LIFETIME`].
    #[error("the session has expired")]
    Expired,
    /// The session was ended, or never existed.
    #[error("the session was revoked")]
    Revoked,
    /// An exchanged token came back after its grace: the whole session is ended now.
    #[error("a refresh token was used again after its grace; the session is revoked")]
    Reused,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The outcome of a refresh inside its transaction. Ending a reused family is a change that must
/// be kept, so it cannot travel as an error, which would roll it back.
enum Exchange {
    Issued(IssuedToken),
    Expired,
    Revoked,
    Reused,
}

impl Store {
    /// Opens a session and gives its first refresh token.
    ///
    /// # Errors
    /// See [`CreateSessionError`].
    pub async fn create_session(
        &self,
        account: AccountId,
        new: NewSession,
    ) -> Result<IssuedToken, CreateSessionError> {
        let token = TokenId::random();
        self.write_tx(move |tx| {
            if !rows::still_holds(tx, account, &new)? {
                return Err(CreateSessionError::CredentialGone);
            }
            let (kind, name) = match &new.app_password {
                Some(used) => (HistoryKind::AppPasswordSignIn, used.name.as_str()),
                None => (HistoryKind::ProgramSignIn, ""),
            };
            history::note(tx, account, kind, name, &new.client)?;
            Ok(rows::insert(tx, account, token, &new, tx.now())?)
        })
        .await
    }

    /// Exchanges a refresh token for the next of its session, and notes who did.
    ///
    /// # Errors
    /// See [`RefreshError`]; whether the account may sign in at all is for the caller to judge.
    pub async fn refresh_session(
        &self,
        token: TokenId,
        client: SessionClient,
    ) -> Result<IssuedToken, RefreshError> {
        let next = token.next(self.master_key());
        let exchange =
            self.write_tx(move |tx| exchange(tx, &token, next, &client, tx.now())).await?;
        match exchange {
            Exchange::Issued(issued) => Ok(issued),
            Exchange::Expired => Err(RefreshError::Expired),
            Exchange::Revoked => Err(RefreshError::Revoked),
            Exchange::Reused => Err(RefreshError::Reused),
        }
    }

    /// Ends the session that a refresh token belongs to, also by an exchanged token. Returns whether it existed.
    pub async fn delete_session(&self, token: TokenId) -> Result<bool, StoreError> {
        self.write_tx(move |tx| rows::delete(tx, token.family())).await
    }

    /// Ends one session of an account by its public name. Returns whether it existed.
    pub async fn revoke_session(
        &self,
        account: AccountId,
        id: SessionId,
    ) -> Result<bool, StoreError> {
        self.write_tx(move |tx| match rows::find(tx, id)? {
            Some(row) if row.account == account => rows::delete(tx, id),
            _ => Ok(false),
        })
        .await
    }

    /// Ends all sessions of an account, except one if told. Returns how many.
    pub async fn delete_sessions_of(
        &self,
        account: AccountId,
        except: Option<SessionId>,
    ) -> Result<usize, StoreError> {
        self.write_tx(move |tx| rows::delete_all(tx, account, except)).await
    }

    /// The sessions of an account, newest first.
    pub async fn sessions_of(&self, account: AccountId) -> Result<Vec<SessionInfo>, StoreError> {
        let now = self.clock().now();
        self.read_one(move |tx| rows::list(tx, account, now)).await
    }

    /// Job: removes sessions that have expired and exchanged tokens past their grace. Returns how
    /// many sessions.
    pub async fn prune_sessions(&self) -> Result<usize, StoreError> {
        let mut total = 0;
        loop {
            let (sessions, tokens) =
                self.write_tx(move |tx| rows::prune(tx, tx.now(), PRUNE_STEP)).await?;
            total += sessions;
            if sessions < PRUNE_STEP && tokens < PRUNE_STEP {
                return Ok(total);
            }
        }
    }
}

pub(crate) use rows::{
    delete_all, delete_of_app_password, delete_of_app_passwords, is_within_grace, password_holds,
    remember_exchanged,
};

fn exchange(
    conn: &rusqlite::Connection,
    token: &TokenId,
    next: TokenId,
    client: &SessionClient,
    now: Timestamp,
) -> Result<Exchange, StoreError> {
    let Some(row) = rows::find(conn, token.family())? else {
        return Ok(Exchange::Revoked);
    };
    if row.expires_at <= now {
        return Ok(Exchange::Expired);
    }
    if row.token_hash == token.hash() {
        rows::rotate(conn, token, &next, client, now)?;
    } else if !rows::is_within_grace(conn, token, now)? {
        rows::delete(conn, token.family())?;
        return Ok(Exchange::Reused);
    }
    Ok(Exchange::Issued(IssuedToken {
        account: row.account,
        token_id: next,
        expires_at: rows::expiry(now),
        app_password: row.app_password,
    }))
}
