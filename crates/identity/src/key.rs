//! Private keys. <https://atproto.com/specs/cryptography>
//!
//! Signatures are 64 bytes `r ‖ s` over SHA-256 of the message, with the low `s` on both curves.

use std::fmt;

use zeroize::Zeroizing;

use crate::public_key::{DidKey, KeyError, PublicKey};
use crate::random_bytes;

/// The two curves of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    /// secp256k1, JWT algorithm `ES256K`.
    K256,
    /// NIST P-256 (secp256r1), JWT algorithm `ES256`.
    P256,
}

impl Curve {
    /// The `alg` of a JWT signed with this curve.
    #[must_use]
    pub const fn jwt_algorithm(self) -> &'static str {
        match self {
            Self::K256 => "ES256K",
            Self::P256 => "ES256",
        }
    }
}

/// A private key. Zeroized when dropped; `Debug` shows the public key only.
#[derive(Clone)]
pub struct SigningKey(Secret);

// The curves' keys differ in size because only one of them carries tables; keys are few.
#[derive(Clone)]
enum Secret {
    K256(Box<k256::ecdsa::SigningKey>),
    P256(Box<p256::ecdsa::SigningKey>),
}

impl SigningKey {
    /// A new random key.
    #[must_use]
    pub fn generate(curve: Curve) -> Self {
        loop {
            let bytes = Zeroizing::new(random_bytes::<32>());
            // Fails for zero and for values beyond the group order: one in 2^32 (P-256) or 2^128 draws.
            if let Ok(key) = Self::from_bytes(curve, &bytes) {
                return key;
            }
        }
    }

    /// The key with this big-endian scalar.
    pub fn from_bytes(curve: Curve, bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let secret =
            match curve {
                Curve::K256 => k256::ecdsa::SigningKey::from_slice(bytes)
                    .map(|key| Secret::K256(Box::new(key))),
                Curve::P256 => p256::ecdsa::SigningKey::from_slice(bytes)
                    .map(|key| Secret::P256(Box::new(key))),
            };
        secret.map(Self).map_err(|_| KeyError::PrivateScalar)
    }

    /// The big-endian scalar.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(match &self.0 {
            Secret::K256(key) => key.to_bytes().into(),
            Secret::P256(key) => key.to_bytes().into(),
        })
    }

    /// The curve of the key.
    #[must_use]
    pub const fn curve(&self) -> Curve {
        match &self.0 {
            Secret::K256(_) => Curve::K256,
            Secret::P256(_) => Curve::P256,
        }
    }

    /// Signs `message` (hashed here with SHA-256): `r ‖ s`, low-S, deterministic (RFC 6979).
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        match &self.0 {
            Secret::K256(key) => {
                let signature: k256::ecdsa::Signature =
                    k256::ecdsa::signature::Signer::sign(&**key, message);
                signature.normalize_s().to_bytes().into()
            }
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature =
                    p256::ecdsa::signature::Signer::sign(&**key, message);
                // p256 leaves half of its signatures with the high s.
                signature.normalize_s().to_bytes().into()
            }
        }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        match &self.0 {
            Secret::K256(key) => PublicKey::from_k256(*key.verifying_key()),
            Secret::P256(key) => PublicKey::from_p256(*key.verifying_key()),
        }
    }

    /// The public half as `did:key`.
    #[must_use]
    pub fn did_key(&self) -> DidKey {
        self.public().did_key()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.did_key()).finish()
    }
}
