//! Content identifiers in the one form that the protocol uses ("blessed"):
//! <https://atproto.com/specs/data-model#link-and-cid-formats>.

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const PREFIX_VERSION: u8 = 0x01;
const PREFIX_SHA256: u8 = 0x12;
const PREFIX_DIGEST_LEN: u8 = 0x20;
/// Strings beyond this are refused before anything is decoded.
const MAX_SYNTAX_BYTES: usize = 128;

/// A CIDv1 over a SHA-256, of a DAG-CBOR block or of raw bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid {
    codec: Codec,
    digest: [u8; 32],
}

/// What a [`Cid`] says about the bytes it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Codec {
    /// A blob.
    Raw = 0x55,
    /// A record, a tree node, a commit.
    DagCbor = 0x71,
}

/// Why bytes or a string are not a [`Cid`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CidError {
    /// Not the 36 bytes or the 59 characters that every CID of the protocol has.
    #[error("a cid has 36 bytes or 59 characters")]
    Length,
    /// Not multibase base32 in lower case.
    #[error("a cid is written in lower-case base32")]
    Base32,
    /// Another version, hash or digest length.
    #[error("a cid is version 1 with a sha-256 digest")]
    Prefix,
    /// Another codec.
    #[error("the codec of a cid is dag-cbor or raw")]
    Codec,
}

impl Cid {
    /// The length of the binary form.
    pub const BYTES: usize = 36;
    /// The length of the text form.
    pub const CHARS: usize = 59;

    /// A CID of a digest.
    #[must_use]
    pub const fn new(codec: Codec, digest: [u8; 32]) -> Self {
        Self { codec, digest }
    }

    /// The CID of a DAG-CBOR block.
    #[must_use]
    pub fn cbor_of(block: &[u8]) -> Self {
        Self::new(Codec::DagCbor, Sha256::digest(block).into())
    }

    /// The CID of a blob.
    #[must_use]
    pub fn raw_of(blob: &[u8]) -> Self {
        Self::new(Codec::Raw, Sha256::digest(blob).into())
    }

    /// The CID of a block under a given codec.
    #[must_use]
    pub fn of(codec: Codec, block: &[u8]) -> Self {
        Self::new(codec, Sha256::digest(block).into())
    }

    /// The codec.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// The SHA-256 digest.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The binary form, without the zero byte that CBOR puts before it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (prefix, digest) = bytes.split_at_mut(4);
        prefix.copy_from_slice(&[
            PREFIX_VERSION,
            self.codec as u8,
            PREFIX_SHA256,
            PREFIX_DIGEST_LEN,
        ]);
        digest.copy_from_slice(&self.digest);
        bytes
    }

    /// Reads the binary form; nothing may follow.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CidError> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().map_err(|_| CidError::Length)?;
        let [PREFIX_VERSION, codec, PREFIX_SHA256, PREFIX_DIGEST_LEN, digest @ ..] = bytes else {
            return Err(CidError::Prefix);
        };
        let codec = match codec {
            0x55 => Codec::Raw,
            0x71 => Codec::DagCbor,
            _ => return Err(CidError::Codec),
        };
        Ok(Self { codec, digest: *digest })
    }

    /// Reads the text form: `b`, then lower-case base32.
    pub fn parse(text: &str) -> Result<Self, CidError> {
        let text: &[u8; Self::CHARS] = text.as_bytes().try_into().map_err(|_| CidError::Length)?;
        let [b'b', digits @ ..] = text else {
            return Err(CidError::Base32);
        };
        let mut bytes = [0; Self::BYTES];
        // Seven groups of 8 digits hold 35 bytes; the last two digits hold one byte and two zero bits.
        let (groups, last) = digits.split_at(56);
        let mut bad = 0;
        for (chunk, out) in groups.chunks_exact(8).zip(bytes.chunks_exact_mut(5)) {
            let mut bits: u64 = 0;
            for byte in chunk {
                let digit = DIGITS[usize::from(*byte)];
                bad |= digit;
                bits = bits << 5 | u64::from(digit & 31);
            }
            out.copy_from_slice(&bits.to_be_bytes()[3..]);
        }
        let (high, low) = (DIGITS[usize::from(last[0])], DIGITS[usize::from(last[1])]);
        if (bad | high | low) & !31 != 0 || low & 3 != 0 {
            return Err(CidError::Base32);
        }
        bytes[35] = high << 3 | low >> 2;
        Self::from_bytes(&bytes)
    }

    /// The text form as ASCII bytes.
    #[must_use]
    pub fn to_ascii(&self) -> [u8; Self::CHARS] {
        let bytes = self.to_bytes();
        let mut text = [b'b'; Self::CHARS];
        for (chunk, out) in bytes.chunks_exact(5).zip(text[1..].chunks_exact_mut(8)) {
            let mut wide = [0; 8];
            wide[3..].copy_from_slice(chunk);
            let mut bits = u64::from_be_bytes(wide);
            for byte in out.iter_mut().rev() {
                *byte = ALPHABET[(bits & 31) as usize];
                bits >>= 5;
            }
        }
        let last = usize::from(bytes[35]);
        text[57] = ALPHABET[last >> 3];
        text[58] = ALPHABET[(last & 7) << 2];
        text
    }
}

/// The value of each base32 digit; 0xff for all other bytes.
const DIGITS: [u8; 256] = {
    let mut table = [0xff; 256];
    let mut value = 0;
    while value < 32 {
        table[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    table
};

/// Whether the text looks like a CID of any kind, as the lexicon string format `cid` asks: a multibase string of at
/// most 128 characters that is not a version 0 CID. One in base32 must decode to a version 1 CID.
#[must_use]
pub fn is_cid_syntax(text: &str) -> bool {
    if Cid::parse(text).is_ok() {
        return true;
    }
    let looks_like_one = (8..=MAX_SYNTAX_BYTES).contains(&text.len())
        && !text.starts_with("Qm")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'='));
    looks_like_one && text.strip_prefix('b').is_none_or(is_base32_cid)
}

fn is_base32_cid(digits: &str) -> bool {
    if digits.bytes().any(|b| b.is_ascii_uppercase()) {
        return false;
    }
    let Ok(bytes) = BASE32_NOPAD.decode(digits.to_ascii_uppercase().as_bytes()) else {
        return false;
    };
    let multihash =
        varint(&bytes).filter(|(version, _)| *version == 1).and_then(|(_, rest)| varint(rest));
    let Some((_codec, rest)) = multihash else {
        return false;
    };
    let length = varint(rest).and_then(|(_hash, rest)| varint(rest));
    length.is_some_and(|(length, digest)| u64::try_from(digest.len()) == Ok(length))
}

/// An unsigned varint and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (i, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(i + 1..)?));
        }
    }
    None
}

impl std::fmt::Display for Cid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.to_ascii();
        f.pad(std::str::from_utf8(&text).map_err(|_| std::fmt::Error)?)
    }
}

impl std::fmt::Debug for Cid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cid({self})")
    }
}

impl std::str::FromStr for Cid {
    type Err = CidError;
    fn from_str(text: &str) -> Result<Self, CidError> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for Cid {
    type Error = CidError;
    fn try_from(text: &str) -> Result<Self, CidError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Cid {
    type Error = CidError;
    fn try_from(text: String) -> Result<Self, CidError> {
        Self::parse(&text)
    }
}

impl serde::Serialize for Cid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Cid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Cid;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string that is a valid CID")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Cid, E> {
                Cid::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TEXT: &str = "bafkreiccldh766hwcnuxnf2wh6jgzepf2nlu2lvcllt63eww5p6chi4ity";

    #[test]
    fn text_and_bytes_agree() {
        let cid = Cid::parse(TEXT).unwrap();
        assert_eq!(cid.codec(), Codec::Raw);
        assert_eq!(cid.to_string(), TEXT);
        assert_eq!(Cid::from_bytes(&cid.to_bytes()), Ok(cid));
    }

    #[test]
    fn only_the_canonical_text_is_read() {
        assert_eq!(Cid::parse(&TEXT.to_uppercase()), Err(CidError::Base32));
        assert_eq!(Cid::parse(&TEXT[1..]), Err(CidError::Length));
        // Only the padding bits differ.
        assert_eq!(Cid::parse(&TEXT.replace("ity", "itz")), Err(CidError::Base32));
        assert_eq!(
            Cid::parse("bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"),
            Err(CidError::Codec)
        );
    }
}
