//! Public keys in COSE form (RFC 9052 §7, RFC 9053, RFC 8230), of the three kinds that authenticators make.

use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};

use super::PasskeyError;
use super::cbor::{Malformed, Reader};

const EDDSA: i64 = -8;
const ES256: i64 = -7;
const RS256: i64 = -257;

/// The algorithms to ask authenticators for, best first: EdDSA, ES256, RS256.
pub const ALGORITHMS: [i64; 3] = [EDDSA, ES256, RS256];

const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
const ED25519_BYTES: usize = 32;
const P256_BYTES: usize = 32;
/// 2,048 to 4,096 bits: shorter ones are weak, longer ones only cost time.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;
const RSA_EXPONENT: &[u8] = &[1, 0, 1];

/// A public key of a passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    Ed25519(&'a [u8]),
    /// Uncompressed, with the byte 4 in front (SEC 1 §2.3.3).
    P256(Vec<u8>),
    Rsa {
        modulus: &'a [u8],
        exponent: &'a [u8],
    },
}

/// The parameters of a key, by what they have in common: type and algorithm, and what is numbered -1 to -3.
#[derive(Default)]
struct Parameters<'a> {
    key_type: Option<i64>,
    algorithm: Option<i64>,
    curve: Option<i64>,
    /// -1 of RSA, -2, -3.
    bytes: [Option<&'a [u8]>; 3],
}

impl<'a> Parameters<'a> {
    fn read(cose: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(cose);
        let mut found = Self::default();
        for _ in 0..reader.map()? {
            let label = reader.integer()?;
            let is_first = match label {
                KEY_TYPE => found.key_type.replace(reader.integer()?).is_none(),
                ALGORITHM => found.algorithm.replace(reader.integer()?).is_none(),
                -1 if found.key_type != Some(3) => found.curve.replace(reader.integer()?).is_none(),
                -3..=-1 => {
                    let place = usize::try_from(-1 - label).map_err(|_| Malformed)?;
                    let place = found.bytes.get_mut(place).ok_or(Malformed)?;
                    place.replace(reader.bytes()?).is_none()
                }
                // §6.5.1: no optional parameters.
                _ => return Err(Malformed),
            };
            if !is_first {
                return Err(Malformed);
            }
        }
        if reader.is_at_end() { Ok(found) } else { Err(Malformed) }
    }
}

impl<'a> Key<'a> {
    /// Reads a key, and checks that it can be one.
    pub(super) fn parse(cose: &'a [u8]) -> Result<Self, PasskeyError> {
        let found = Parameters::read(cose).map_err(|Malformed| PasskeyError::Key)?;
        let key = match (found.key_type, found.algorithm, found.curve, found.bytes) {
            (Some(1), Some(EDDSA), Some(6), [None, Some(x), None]) => Self::ed25519(x),
            (Some(2), Some(ES256), Some(1), [None, Some(x), Some(y)]) => Self::p256(x, y),
            (Some(3), Some(RS256), None, [Some(modulus), Some(exponent), None]) => {
                Self::rsa(modulus, exponent)
            }
            _ => None,
        };
        key.ok_or(PasskeyError::Key)
    }

    fn ed25519(x: &'a [u8]) -> Option<Self> {
        (x.len() == ED25519_BYTES).then_some(Self::Ed25519(x))
    }

    fn p256(x: &[u8], y: &[u8]) -> Option<Self> {
        if x.len() != P256_BYTES || y.len() != P256_BYTES {
            return None;
        }
        let point = [&[4], x, y].concat();
        p256::PublicKey::from_sec1_bytes(&point).is_ok().then_some(Self::P256(point))
    }

    fn rsa(modulus: &'a [u8], exponent: &'a [u8]) -> Option<Self> {
        let is_sound = RSA_BYTES.contains(&modulus.len())
            && modulus.first().is_some_and(|byte| *byte >= 0x80)
            && modulus.last().is_some_and(|byte| byte % 2 == 1)
            && exponent == RSA_EXPONENT;
        is_sound.then_some(Self::Rsa { modulus, exponent })
    }

    /// Checks a signature over a message.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), PasskeyError> {
        let verified = match self {
            Self::Ed25519(key) => {
                UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature)
            }
            Self::P256(point) => UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, point)
                .verify(message, signature),
            Self::Rsa { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }
                .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        verified.map_err(|_| PasskeyError::Signature)
    }
}
