//! Keys of the tree: their syntax, their layer, the prefix that neighbours share.
//!
//! Spec: <https://atproto.com/specs/repository#mst-structure>.

use sha2::{Digest, Sha256};

use crate::limits::{MAX_KEY_BYTES, MAX_LAYER};

/// Why a string cannot be a key of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("key is longer than {MAX_KEY_BYTES} bytes")]
    TooLong,
    #[error("key does not consist of two non-empty segments")]
    Segments,
    #[error("key has a character that is not allowed")]
    Character,
    /// Nobody meets such a key by chance, see [`MAX_LAYER`].
    #[error("key stands on layer {0}, above {MAX_LAYER}")]
    Layer(u8),
}

/// The layer of a key: the number of leading zero bits of its SHA-256, in pairs (fanout 4).
pub fn key_layer(key: &[u8]) -> u8 {
    let mut pairs = 0;
    for byte in Sha256::digest(key) {
        // At most 8 zero bits in a byte, 32 bytes: 128 pairs at most.
        pairs += u8::try_from(byte.leading_zeros() / 2).unwrap_or(4);
        if byte != 0 {
            break;
        }
    }
    pairs
}

/// How many leading bytes two keys share.
pub fn common_prefix_len(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

/// Checks that a string can be a key: two non-empty segments of allowed characters.
///
/// This is looser than [`cairn_model::RepoPath`]: the tree does not care whether the first
/// segment is an NSID, and interop vectors use keys where it is not.
pub fn check_key(key: &str) -> Result<(), KeyError> {
    if key.len() > MAX_KEY_BYTES {
        return Err(KeyError::TooLong);
    }
    let mut slash_at = None;
    for (at, byte) in key.bytes().enumerate() {
        match byte {
            b'/' if slash_at.is_none() => slash_at = Some(at),
            b'/' => return Err(KeyError::Segments),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {}
            _ => return Err(KeyError::Character),
        }
    }
    match slash_at {
        Some(at) if at > 0 && at + 1 < key.len() => Ok(()),
        _ => Err(KeyError::Segments),
    }
}

/// [`check_key`], and the layer on which the key stands.
pub(crate) fn checked_layer(key: &str) -> Result<u8, KeyError> {
    check_key(key)?;
    let layer = key_layer(key.as_bytes());
    if layer > MAX_LAYER { Err(KeyError::Layer(layer)) } else { Ok(layer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_two_segments_of_allowed_characters() {
        assert_eq!(check_key("app.bsky.feed.post/3k_~-:.A"), Ok(()));
        for bad in ["", "a", "/", "a/", "/a", "a/b/c", "a//b"] {
            assert_eq!(check_key(bad), Err(KeyError::Segments), "{bad}");
        }
        for bad in ["a/b c", "a/é", "a/\0", "a/b#"] {
            assert_eq!(check_key(bad), Err(KeyError::Character), "{bad}");
        }
        let long = format!("a/{}", "x".repeat(MAX_KEY_BYTES - 2));
        assert_eq!(check_key(&long), Ok(()));
        assert_eq!(check_key(&format!("{long}x")), Err(KeyError::TooLong));
    }
}
