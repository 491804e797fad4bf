//! Pushed authorization requests and the codes that they give: <https://datatracker.ietf.org/doc/html/rfc9126>.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::devices::{DeviceId, later};
use super::{SecretHash, clients, sign_ins};
use crate::accounts::columns::{instant, micros};
use crate::{AccountId, HistoryKind, Store, StoreError, history};

/// A request ends so long after it was pushed, however often its page is loaded.
const MAX_AGE: Duration = Duration::from_secs(3600);
/// How long a code challenge stays used.
const CHALLENGE_MEMORY: Duration = Duration::from_secs(24 * 3600);

/// A request that a client pushes.
#[derive(Clone, Debug)]
pub struct NewOAuthRequest {
    /// Hash of its request URI.
    pub id_hash: SecretHash,
    pub client_id: String,
    /// How the client proved who it is, as JSON.
    pub client_auth: String,
    /// Its parameters, as JSON.
    pub parameters: String,
    /// Serves once per client.
    pub code_challenge: String,
    pub lifetime: Duration,
}

/// Why a request was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PushRequestError {
    /// The client has used the code challenge before.
    #[error("the code challenge was used before")]
    ChallengeUsed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A request that waits for the owner of an account, or for the client to use its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthRequest {
    pub client_id: String,
    /// JSON, as it was pushed.
    pub client_auth: String,
    /// JSON, as it was pushed.
    pub parameters: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// The browser that has opened it.
    pub device: Option<DeviceId>,
    /// Set once it is granted.
    pub grant: Option<OAuthGrant>,
}

/// What the owner of an account agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthGrant {
    pub account: AccountId,
    pub scope: String,
}

/// The owner's consent to a request.
#[derive(Clone, Debug)]
pub struct NewGrant {
    pub account: AccountId,
    /// The scopes that are granted.
    pub scope: String,
    pub code_hash: SecretHash,
    /// How long the code can be used.
    pub lifetime: Duration,
    /// Whether the same scopes need no consent the next time.
    pub remember: bool,
}

/// Why a request cannot be opened or granted.
#[derive(Debug, thiserror::Error)]
pub enum OpenRequestError {
    /// Never pushed, expired, or ended.
    #[error("the request is not known or has expired")]
    Unknown,
    /// Another browser has opened it.
    #[error("the request was opened in another browser")]
    OtherDevice,
    /// It has given its code.
    #[error("the request was answered")]
    Answered,
    /// The account is not signed in on the browser.
    #[error("the account is not signed in on this browser")]
    SignedOut,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Keeps a request that a client pushes.
    pub async fn push_oauth_request(&self, new: NewOAuthRequest) -> Result<(), PushRequestError> {
        let challenge = challenge_hash(&new.client_id, &new.code_challenge);
        self.write_tx(move |tx| {
            if is_used(tx, &challenge, tx.now_micros())? {
                return Err(PushRequestError::ChallengeUsed);
            }
            remember_challenge(tx, &challenge, later(tx.now(), CHALLENGE_MEMORY))?;
            Ok(insert(tx, &new, tx.now())?)
        })
        .await
    }

    /// The request with this URI, unless it has expired.
    pub async fn oauth_request(
        &self,
        id_hash: SecretHash,
    ) -> Result<Option<OAuthRequest>, StoreError> {
        let now = self.clock().now();
        self.read_one(move |tx| find_live(tx, &id_hash, now)).await
    }

    /// Binds a request to the browser that opens it, and lets it live for `lifetime` from now, within an hour of its
    /// making.
    pub async fn open_oauth_request(
        &self,
        id_hash: SecretHash,
        device: DeviceId,
        lifetime: Duration,
    ) -> Result<OAuthRequest, OpenRequestError> {
        self.write_tx(move |tx| {
            let request = open(tx, &id_hash, device, tx.now())?;
            let latest = later(request.created_at, MAX_AGE);
            let expires_at = later(tx.now(), lifetime).min(latest);
            tx.prepare_cached(
                "UPDATE oauth_request SET device = ?2, expires_at = ?3 WHERE id_hash = ?1",
            )
            .and_then(|mut update| update.execute(params![id_hash, device.0, expires_at]))
            .map_err(StoreError::from)?;
            Ok(OAuthRequest { device: Some(device), expires_at: instant(expires_at), ..request })
        })
        .await
    }

    /// Grants a request that this browser has opened, in the name of an account that is signed in there.
    pub async fn grant_oauth_request(
        &self,
        id_hash: SecretHash,
        device: DeviceId,
        new: NewGrant,
    ) -> Result<OAuthRequest, OpenRequestError> {
        self.write_tx(move |tx| {
            let request = open(tx, &id_hash, device, tx.now())?;
            if !sign_ins::is_signed_in(tx, device, new.account, tx.now())? {
                return Err(OpenRequestError::SignedOut);
            }
            let expires_at = later(tx.now(), new.lifetime);
            grant(tx, &id_hash, device, &new, expires_at)?;
            let (kind, client_id) = (HistoryKind::AppConnected, &request.client_id);
            history::note_on_device(tx, new.account, kind, client_id, device)?;
            if new.remember {
                let now = tx.now_micros();
                clients::remember(tx, new.account, &request.client_id, &new.scope, now)?;
            }
            let grant = OAuthGrant { account: new.account, scope: new.scope.clone() };
            Ok(OAuthRequest {
                device: Some(device),
                expires_at: instant(expires_at),
                grant: Some(grant),
                ..request
            })
        })
        .await
    }

    /// Ends a request. Returns whether it existed.
    pub async fn delete_oauth_request(&self, id_hash: SecretHash) -> Result<bool, StoreError> {
        self.write_tx(move |tx| {
            Ok(tx
                .prepare_cached("DELETE FROM oauth_request WHERE id_hash = ?1")?
                .execute([id_hash])?
                > 0)
        })
        .await
    }
}

/// The request behind a code that has not expired.
pub(super) fn find_by_code(
    conn: &Connection,
    code_hash: &SecretHash,
    now: Timestamp,
) -> Result<Option<OAuthRequest>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT * FROM oauth_request WHERE code_hash = ?1 AND expires_at > ?2")?
        .query_row(params![code_hash, micros(now)], from_row)
        .optional()?)
}

/// Removes the request whose code is used.
pub(super) fn delete_by_code(conn: &Connection, code_hash: &SecretHash) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM oauth_request WHERE code_hash = ?1")?.execute([code_hash])?;
    Ok(())
}

/// Ends the requests that were granted in the name of an account.
pub(super) fn delete_granted(conn: &Connection, account: AccountId) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM oauth_request WHERE account = ?1")?
        .execute([account.get()])?;
    Ok(())
}

/// A request that is not answered, for a browser that may open it.
fn open(
    conn: &Connection,
    id_hash: &SecretHash,
    device: DeviceId,
    now: Timestamp,
) -> Result<OAuthRequest, OpenRequestError> {
    let request = find_live(conn, id_hash, now)?.ok_or(OpenRequestError::Unknown)?;
    if request.device.is_some_and(|opener| opener != device) {
        return Err(OpenRequestError::OtherDevice);
    }
    if request.grant.is_some() {
        return Err(OpenRequestError::Answered);
    }
    Ok(request)
}

fn find_live(
    conn: &Connection,
    id_hash: &SecretHash,
    now: Timestamp,
) -> Result<Option<OAuthRequest>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT * FROM oauth_request WHERE id_hash = ?1 AND expires_at > ?2")?
        .query_row(params![id_hash, micros(now)], from_row)
        .optional()?)
}

fn insert(conn: &Connection, new: &NewOAuthRequest, now: Timestamp) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO oauth_request
           (id_hash, client_id, client_auth, parameters, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        new.id_hash,
        new.client_id,
        new.client_auth,
        new.parameters,
        micros(now),
        later(now, new.lifetime),
    ])?;
    Ok(())
}

fn grant(
    conn: &Connection,
    id_hash: &SecretHash,
    device: DeviceId,
    new: &NewGrant,
    expires_at: i64,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "UPDATE oauth_request SET device = ?2, account = ?3, scope = ?4, code_hash = ?5,
           expires_at = ?6
         WHERE id_hash = ?1",
    )?
    .execute(params![
        id_hash,
        device.0,
        new.account.get(),
        new.scope,
        new.code_hash,
        expires_at
    ])?;
    Ok(())
}

/// Client and challenge as one key of fixed length; a client id holds no zero byte.
fn challenge_hash(client_id: &str, challenge: &str) -> SecretHash {
    Sha256::new()
        .chain_update(client_id)
        .chain_update([0])
        .chain_update(challenge)
        .finalize()
        .into()
}

fn is_used(conn: &Connection, challenge: &SecretHash, now: i64) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM code_challenge WHERE hash = ?1 AND expires_at > ?2)",
        )?
        .query_row(params![challenge, now], |row| row.get(0))?)
}

fn remember_challenge(
    conn: &Connection,
    challenge: &SecretHash,
    until: i64,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO code_challenge (hash, expires_at) VALUES (?1, ?2)",
    )?
    .execute(params![challenge, until])?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<OAuthRequest> {
    let account: Option<i64> = row.get("account")?;
    let scope: Option<String> = row.get("scope")?;
    let grant = account.zip(scope);
    Ok(OAuthRequest {
        client_id: row.get("client_id")?,
        client_auth: row.get("client_auth")?,
        parameters: row.get("parameters")?,
        created_at: instant(row.get("created_at")?),
        expires_at: instant(row.get("expires_at")?),
        device: row.get::<_, Option<_>>("device")?.map(DeviceId),
        grant: grant.map(|(account, scope)| OAuthGrant { account: AccountId::new(account), scope }),
    })
}
