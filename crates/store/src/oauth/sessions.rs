//! Sessions of OAuth clients: what the tokens stand for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::devices::DeviceId;
use super::requests::{self, OAuthRequest};
use super::{SecretHash, end, rows};
use crate::{AccountId, MasterKey, SessionId, Store, StoreError, TokenId};

/// Sessions of one account; the one that was refreshed longest ago makes room.
const MAX_PER_ACCOUNT: i64 = 500;

/// The random part of an access token. It is a credential: it is wiped on drop and not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct OAuthSecret(Zeroizing<[u8; 32]>);

impl OAuthSecret {
    /// The secret that a client sent.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// What the token spells out.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn hash(&self) -> SecretHash {
        Sha256::digest(self.0.as_slice()).into()
    }
}

impl fmt::Debug for OAuthSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OAuthSecret(..)")
    }
}

/// The tokens of a session that a client is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthTokens {
    pub access: OAuthSecret,
    /// None for clients without refresh tokens.
    pub refresh: Option<TokenId>,
}

impl OAuthTokens {
    /// The tokens that follow a refresh token: always the same, so that an answer which was lost can be given again.
    pub(super) fn after(token: &TokenId, key: &MasterKey) -> Self {
        let access = key.keyed_hash("next access token", token.expose());
        Self { access: OAuthSecret::new(access), refresh: Some(token.next(key)) }
    }
}

/// How long a session and its tokens last. No token outlives the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OAuthLifetimes {
    /// From the use of the code on.
    pub session: Duration,
    pub access: Duration,
    /// None for clients without refresh tokens.
    pub refresh: Option<Duration>,
}

/// A session to make from the request whose code is used.
#[derive(Clone, Debug)]
pub struct NewOAuthSession {
    /// How the client proved who it is, as JSON.
    pub client_auth: String,
    /// The scopes with permission sets written out.
    pub granted: String,
    /// Thumbprint of the key that the tokens are bound to.
    pub jkt: String,
    pub lifetimes: OAuthLifetimes,
}

/// What a client was allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthSession {
    pub id: SessionId,
    pub account: AccountId,
    pub client_id: String,
    /// How the client proved who it is when it used the code, as JSON.
    pub client_auth: String,
    /// The parameters of the request, as JSON.
    pub parameters: String,
    /// The scopes that the owner agreed to.
    pub scope: String,
    /// The same with permission sets written out.
    pub granted: String,
    /// Thumbprint of the key that the tokens are bound to.
    pub jkt: String,
    /// The browser on which it was granted.
    pub device: Option<DeviceId>,
    pub created_at: Timestamp,
    /// When its tokens were last made.
    pub updated_at: Timestamp,
    /// When it ends, however often it is refreshed.
    pub expires_at: Timestamp,
    pub access_expires_at: Timestamp,
    /// None for clients without refresh tokens.
    pub refresh_expires_at: Option<Timestamp>,
}

impl OAuthSession {
    /// When it is over unless it is refreshed.
    pub fn ends_at(&self) -> Timestamp {
        self.refresh_expires_at.unwrap_or(self.access_expires_at)
    }
}

/// What an access token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthAccess {
    pub session: SessionId,
    pub account: AccountId,
    pub client_id: String,
    /// The scopes with permission sets written out.
    pub granted: String,
    /// Thumbprint of the key that the token is bound to.
    pub jkt: String,
    /// When the token was made.
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// Whether the store knows already that the client has it: see [`Store::note_oauth_access`].
    pub is_used: bool,
}

/// A session with fresh tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedOAuth {
    pub session: OAuthSession,
    pub tokens: OAuthTokens,
}

/// What a code stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OAuthCode {
    /// It can be used.
    Granted(OAuthRequest),
    /// It has become this session.
    Used(OAuthSession),
}

/// Why a code does not become a session.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// Never given, expired, or withdrawn.
    #[error("the code is not known or has expired")]
    Unknown,
    /// It was used before; the session that it had become is ended.
    #[error("the code was used before; its session is revoked")]
    AlreadyUsed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The outcome of the use of a code or a refresh token inside its transaction: ending a session is a change that must last.
pub(super) enum Outcome {
    Issued(Box<IssuedOAuth>),
    Replayed,
}

impl Store {
    /// What a code stands for; none when it is not known or has expired.
    pub async fn oauth_code(&self, hash: SecretHash) -> Result<Option<OAuthCode>, StoreError> {
        let now = self.clock().now();
        self.read(move |tx| {
            if let Some(request) = requests::find_by_code(tx, &hash, now)? {
                return Ok(Some(OAuthCode::Granted(request)));
            }
            let used = rows::find_by(tx, "code_hash", &hash)?;
            Ok(used.map(|row| OAuthCode::Used(row.session)))
        })
        .await
    }

    /// Uses a code: its request becomes a session. A code that was used before ends the session that it had become.
    ///
    /// # Errors
    /// See [`CodeError`]; whether the client may use the code is for the caller to judge before.
    pub async fn create_oauth_session(
        &self,
        code: SecretHash,
        new: NewOAuthSession,
    ) -> Result<IssuedOAuth, CodeError> {
        let cache = self.access_cache().clone();
        let access = OAuthSecret::new(cairn_identity::random_bytes());
        let token = TokenId::random();
        let outcome = self
            .write_tx(move |tx| {
                let Some(request) = requests::find_by_code(tx, &code, tx.now())? else {
                    let ended = end::end_where(tx, &cache, "code_hash = ?1", [code])?;
                    return if ended > 0 { Ok(Outcome::Replayed) } else { Err(CodeError::Unknown) };
                };
                let grant = request.grant.as_ref().ok_or(CodeError::Unknown)?;
                requests::delete_by_code(tx, &code)?;
                end::make_room(tx, &cache, grant.account, MAX_PER_ACCOUNT - 1)?;
                let tokens = OAuthTokens {
                    access: access.clone(),
                    refresh: new.lifetimes.refresh.map(|_| token),
                };
                let made = rows::NewRow { request: &request, grant, new: &new, code: &code };
                let session = rows::insert(tx, token.family(), &made, &tokens, tx.now())?;
                Ok(Outcome::Issued(Box::new(IssuedOAuth { session, tokens })))
            })
            .await?;
        match outcome {
            Outcome::Issued(issued) => Ok(*issued),
            Outcome::Replayed => Err(CodeError::AlreadyUsed),
        }
    }

    /// What an access token stands for; none when it is not known or has expired. Usually answered from memory.
    pub async fn oauth_access(
        &self,
        secret: &OAuthSecret,
    ) -> Result<Option<Arc<OAuthAccess>>, StoreError> {
        let hash = secret.hash();
        let now = self.clock().now();
        let live = |access: Arc<OAuthAccess>| (access.expires_at > now).then_some(access);
        let mark = match self.access_cache().get(&hash) {
            Ok(access) => return Ok(live(access)),
            Err(mark) => mark,
        };
        let found = self.read_one(move |tx| rows::access(tx, &hash)).await?.map(Arc::new);
        if let Some(access) = &found {
            self.access_cache().insert(hash, access, mark);
        }
        Ok(found.and_then(live))
    }

    /// Notes that the client has used an access token, so that the refresh token that it came for is not exchanged again.
    /// Costs nothing but for the first use.
    pub async fn note_oauth_access(
        &self,
        secret: &OAuthSecret,
        access: &OAuthAccess,
    ) -> Result<(), StoreError> {
        if access.is_used {
            return Ok(());
        }
        let (hash, cache) = (secret.hash(), self.access_cache().clone());
        self.write_tx(move |tx| {
            rows::note_access(tx, &hash)?;
            let cache = cache.clone();
            tx.after_commit(move || cache.drop_tokens(&[hash]));
            Ok(())
        })
        .await
    }

    /// One session, unless it is over.
    pub async fn oauth_session(&self, id: SessionId) -> Result<Option<OAuthSession>, StoreError> {
        let now = self.clock().now();
        let found = self.read_one(move |tx| rows::find_by(tx, "id", &id.0)).await?;
        Ok(found.map(|row| row.session).filter(|session| session.ends_at() > now))
    }

    /// The sessions of an account that are not over, the one refreshed last first.
    pub async fn oauth_sessions_of(
        &self,
        account: AccountId,
    ) -> Result<Vec<OAuthSession>, StoreError> {
        let now = self.clock().now();
        self.read_one(move |tx| rows::list(tx, account, now)).await
    }

    /// Ends a session. Returns whether it existed.
    pub async fn delete_oauth_session(&self, id: SessionId) -> Result<bool, StoreError> {
        let cache = self.access_cache().clone();
        self.write_tx(move |tx| Ok(end::end_where(tx, &cache, "id = ?1", [id.0])? > 0)).await
    }

    /// Ends all sessions of OAuth clients of an account, and what was granted and not taken yet. Returns how many sessions.
    pub async fn delete_oauth_sessions_of(&self, account: AccountId) -> Result<usize, StoreError> {
        let cache = self.access_cache().clone();
        self.write_tx(move |tx| end::end_all(tx, &cache, account)).await
    }
}
