//! Passkeys: <https://www.w3.org/TR/webauthn-3/>, §7.1 and §7.2. The server makes a challenge, the browser answers with what
//! its authenticator has signed, and here it is checked. What was stored before (the key, the counter) is the caller's.

mod assertion;
mod auth_data;
mod cbor;
mod client_data;
mod key;
mod registration;
#[cfg(test)]
mod tests;

pub use assertion::{Assertion, Verified, verify};
pub use key::ALGORITHMS;
pub use registration::{Registered, register};

/// Longest credential id, §5.8.3.
pub const MAX_CREDENTIAL_ID_BYTES: usize = 1_023;

/// What the server asked for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The host whose passkeys they are, such as `pds.example.com`.
    pub rp_id: &'a str,
    /// Where the page stands, such as `https://pds.example.com`.
    pub origin: &'a str,
    /// As the browser got it, decoded.
    pub challenge: &'a [u8],
    /// Whether the authenticator must have checked that it is its owner (PIN, fingerprint): always where there is no other
    /// factor.
    pub needs_verification: bool,
}

/// Why what a browser has sent is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// What the browser says of itself cannot be read.
    #[error("the client data is malformed")]
    ClientData,
    /// It was made for the other ceremony.
    #[error("the client data is of another type")]
    Type,
    /// It answers another challenge.
    #[error("the challenge is another")]
    Challenge,
    /// It was made on another page, or in a frame of one.
    #[error("the origin is another")]
    Origin,
    /// The attestation object cannot be read.
    #[error("the attestation object is malformed")]
    Attestation,
    /// What the authenticator says cannot be read.
    #[error("the authenticator data is malformed")]
    AuthenticatorData,
    /// The passkey is of another server.
    #[error("the relying party is another")]
    RelyingParty,
    /// Nobody touched the authenticator.
    #[error("nobody was present")]
    NotPresent,
    /// The authenticator did not check who it was.
    #[error("the user was not verified")]
    NotVerified,
    /// The public key is malformed, or of a kind that was not asked for.
    #[error("the public key is not supported")]
    Key,
    /// The signature does not belong to the key.
    #[error("the signature is wrong")]
    Signature,
}
