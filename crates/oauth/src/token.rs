//! Tokens, codes and request URIs: opaque random strings, stored as hashes only; and how long they live.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use cairn_identity::random_bytes;
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// How long an access token lives, unless its session ends before.
/// <https://atproto.com/specs/oauth#tokens-and-session-lifetime>
pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// How long a code may be exchanged.
pub const CODE_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How long a pushed request waits, from when it was made or last used.
pub const REQUEST_LIFETIME: Duration = Duration::from_secs(5 * 60);

const DAY: u64 = 24 * 60 * 60;

/// How long sessions of a client live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// From sign-in until the person must sign in again.
    pub session: Duration,
    /// How long a refresh token may lie unused.
    pub refresh_idle: Duration,
}

impl Lifetimes {
    /// Of clients that cannot prove who they are.
    pub const PUBLIC: Self = Self {
        session: Duration::from_secs(14 * DAY),
        refresh_idle: Duration::from_secs(14 * DAY),
    };
    /// Of clients that authenticate with a key.
    pub const CONFIDENTIAL: Self = Self {
        session: Duration::from_secs(2 * 365 * DAY),
        refresh_idle: Duration::from_secs(90 * DAY),
    };
}

/// When a token made now ends: after its lifetime, but never after its session.
#[must_use]
pub fn expires_at(now: Timestamp, lifetime: Duration, session_end: Timestamp) -> Timestamp {
    now.checked_add(lifetime).unwrap_or(Timestamp::MAX).min(session_end)
}

/// What tells the kinds of tokens apart.
pub trait Kind {
    /// How a token of this kind begins.
    const PREFIX: &'static str;
    /// What it spells out.
    type Secret: AsRef<[u8]> + for<'a> TryFrom<&'a [u8]>;
    /// A secret that nobody guesses.
    fn random() -> Self::Secret;
}

/// Kind of [`AccessToken`].
#[derive(Debug)]
pub enum Access {}
/// Kind of [`RefreshToken`].
#[derive(Debug)]
pub enum Refresh {}
/// Kind of [`Code`].
#[derive(Debug)]
pub enum AuthorizationCode {}
/// Kind of [`RequestUri`].
#[derive(Debug)]
pub enum Request {}

impl Kind for Access {
    const PREFIX: &'static str = "tok-";
    type Secret = [u8; 32];
    fn random() -> Self::Secret {
        random_bytes()
    }
}
impl Kind for Refresh {
    const PREFIX: &'static str = "ref-";
    type Secret = [u8; 48];
    fn random() -> Self::Secret {
        random_bytes()
    }
}
impl Kind for AuthorizationCode {
    const PREFIX: &'static str = "cod-";
    type Secret = [u8; 32];
    fn random() -> Self::Secret {
        random_bytes()
    }
}
impl Kind for Request {
    const PREFIX: &'static str = "urn:ietf:params:oauth:request_uri:req-";
    type Secret = [u8; 32];
    fn random() -> Self::Secret {
        random_bytes()
    }
}

/// Admits to protected resources.
pub type AccessToken = Opaque<Access>;
/// Buys the next access token.
pub type RefreshToken = Opaque<Refresh>;
/// Buys the first access token.
pub type Code = Opaque<AuthorizationCode>;
/// Names a pushed request (RFC 9126 §2.2).
pub type RequestUri = Opaque<Request>;

/// A prefix and a secret in base64url: 32 random bytes, or, in a refresh token, the name of its session before them.
/// `Debug` shows the prefix only.
pub struct Opaque<K> {
    text: Box<str>,
    kind: PhantomData<fn() -> K>,
}

/// A text is not a token of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of this server's tokens of that kind")]
pub struct NotAToken;

impl<K: Kind> Opaque<K> {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_secret(&K::random())
    }

    /// The token that spells out a secret.
    #[must_use]
    pub fn from_secret(secret: &K::Secret) -> Self {
        let text = format!("{}{}", K::PREFIX, BASE64URL_NOPAD.encode(secret.as_ref()));
        Self { text: text.into(), kind: PhantomData }
    }

    /// Reads one. Whether it was ever given out is for the store to say.
    pub fn parse(text: &str) -> Result<Self, NotAToken> {
        decode::<K>(text)?;
        Ok(Self { text: text.into(), kind: PhantomData })
    }

    /// The token as the client has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the token spells out.
    #[must_use]
    pub fn secret(&self) -> K::Secret {
        decode::<K>(&self.text).expect("the text was a token when this was made of it")
    }

    /// What is stored.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        hash(&self.text)
    }
}

fn decode<K: Kind>(text: &str) -> Result<K::Secret, NotAToken> {
    let secret = text.strip_prefix(K::PREFIX).ok_or(NotAToken)?;
    // The length first, so that nothing long is decoded.
    if secret.len() > BASE64URL_NOPAD.encode_len(size_of::<K::Secret>()) {
        return Err(NotAToken);
    }
    let secret = BASE64URL_NOPAD.decode(secret.as_bytes()).map_err(|_| NotAToken)?;
    K::Secret::try_from(&secret).map_err(|_| NotAToken)
}

impl<K: Kind> fmt::Debug for Opaque<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", K::PREFIX)
    }
}

impl<K> Clone for Opaque<K> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), kind: PhantomData }
    }
}

/// What is stored of a secret: its SHA-256. Enough for 32 random bytes, which nobody guesses.
#[must_use]
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}
