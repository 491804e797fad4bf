//! Browsers that are signed in, and what OAuth clients were allowed: <https://atproto.com/specs/oauth>.
//!
//! A client pushes an [`OAuthRequest`]; the owner of an account grants it on a [`Device`], which gives a code; the use of
//! the code turns the request into an [`OAuthSession`], whose tokens rotate. What the parameters and scopes mean is for
//! the layers above: here they are text.
//!
//! Cookies, request URIs and codes come as SHA-256 hashes, and of tokens the hash alone is stored.

mod cache;
mod clients;
mod devices;
mod end;
mod prune;
mod refresh;
mod requests;
mod rows;
mod sessions;
mod sign_ins;
#[cfg(test)]
mod tests;
mod trust;

pub(crate) use cache::AccessCache;
pub use clients::AuthorizedClient;
pub use devices::{Device, DeviceId, NewDevice};
pub(crate) use end::{end_all, end_devices};
pub use prune::TidiedOAuth;
pub use refresh::{OAuthRefreshError, RefreshOAuthSession};
pub use requests::{
    NewGrant, NewOAuthRequest, OAuthGrant, OAuthRequest, OpenRequestError, PushRequestError,
};
pub use sessions::{
    CodeError, IssuedOAuth, NewOAuthSession, OAuthAccess, OAuthCode, OAuthLifetimes, OAuthSecret,
    OAuthSession, OAuthTokens,
};
pub use sign_ins::{AccountDevice, DeviceAccount, NewSignIn, SignInError};
pub(crate) use trust::end_trust;
pub use trust::{TRUST_LIFETIME, TrustedBrowser};

/// SHA-256 of a cookie, a request URI, a code or a token.
pub type SecretHash = [u8; 32];
