//! Secrets at rest: a master key in a file of its own seals every private key in the database.
//!
//! A copy of the database alone (a backup, a stolen disk image) gives no signing key away. Each
//! secret is sealed with XChaCha20-Poly1305 under a random nonce, with its purpose and owner as
//! associated data, so that a sealed key moved to another account's row does not open.
//! Construction: <https://datatracker.ietf.org/doc/html/draft-irtf-cfrg-xchacha>.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// First byte of everything sealed; a later construction takes another.
const VERSION: u8 = 1;

/// The key that seals all others. Its bytes are wiped on drop.
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

/// Why the master key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The database holds sealed keys, so a fresh key would only hide that they are lost.
    #[error(
        "the file is missing, but the database holds keys that were sealed with it: restore it from its backup"
    )]
    Missing,
    /// Someone besides the owner may read the file.
    #[error("the file has mode {mode:o}, it must be 600")]
    Exposed {
        /// The permission bits.
        mode: u32,
    },
    /// The file does not hold 32 bytes.
    #[error("the file holds {found} bytes instead of {KEY_BYTES}")]
    WrongLength {
        /// The size of the file.
        found: u64,
    },
    /// The key is well formed, but the database was sealed with another one.
    #[error("the key does not open the secrets in this database")]
    WrongKey,
    /// The file cannot be read or created.
    #[error("the file cannot be read or created")]
    Io(#[from] io::Error),
}

/// A sealed secret does not open.
#[derive(Debug, thiserror::Error)]
pub enum UnsealError {
    /// Not in the form that [`MasterKey::seal`] gives.
    #[error("a sealed secret is malformed")]
    Malformed,
    /// Sealed under another master key, for another owner, or damaged.
    #[error("a sealed secret does not open with the master key")]
    Refused,
}

impl MasterKey {
    /// Reads the key file, or creates it when the database holds nothing sealed yet.
    ///
    /// An existing file is never written to.
    pub fn load_or_create(path: &Path, sealed_keys_exist: bool) -> Result<Self, SealError> {
        match File::open(path) {
            Ok(file) => Self::read(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if sealed_keys_exist {
                    return Err(SealError::Missing);
                }
                Ok(Self::create(path)?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A key for tests and for tools that bring their own.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    fn read(mut file: File) -> Result<Self, SealError> {
        let metadata = file.metadata()?;
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SealError::Exposed { mode });
        }
        if metadata.len() != KEY_BYTES as u64 {
            return Err(SealError::WrongLength { found: metadata.len() });
        }
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        file.read_exact(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// Writes to a neighbour and links it in place: a crash leaves either no key file or a whole
    /// one, and a file that appeared meanwhile is not overwritten.
    fn create(path: &Path) -> io::Result<Self> {
        let key = Self(Zeroizing::new(cairn_identity::random_bytes()));
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(folder)?;
        let draft = path.with_extension("draft");
        match std::fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(key.0.as_slice())?;
        file.sync_all()?;
        std::fs::hard_link(&draft, path)?;
        std::fs::remove_file(&draft)?;
        File::open(folder)?.sync_all()?;
        Ok(key)
    }

    /// Seals a secret for one purpose and owner, such as `("account key", did)`.
    pub fn seal(&self, purpose: &str, owner: &str, secret: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = cairn_identity::random_bytes();
        let aad = associated_data(purpose, owner);
        let ciphertext = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: secret, aad: &aad })
            .expect("a secret is far shorter than the cipher's limit of 256 GiB");
        let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + ciphertext.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        sealed
    }

    /// Opens what [`seal`](Self::seal) gave for the same purpose and owner.
    pub fn open(
        &self,
        purpose: &str,
        owner: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        let Some((&VERSION, rest)) = sealed.split_first() else {
            return Err(UnsealError::Malformed);
        };
        let Some((nonce, ciphertext)) = rest.split_first_chunk::<NONCE_BYTES>() else {
            return Err(UnsealError::Malformed);
        };
        let aad = associated_data(purpose, owner);
        self.cipher()
            .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| UnsealError::Refused)
    }

    /// A keyed hash (HMAC-SHA-256) of `message` under a key that exists for this purpose alone.
    ///
    /// Tokens that are short or must be found again by value are stored in this form: without the
    /// master key they cannot be guessed from the database.
    pub fn keyed_hash(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        let derived = Zeroizing::new(hmac_sha256(self.0.as_slice(), purpose.as_bytes()));
        hmac_sha256(derived.as_slice(), message)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.0))
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Purpose and owner, separated by a byte that occurs in neither.
fn associated_data(purpose: &str, owner: &str) -> Vec<u8> {
    let mut data = Vec::with_capacity(purpose.len() + 1 + owner.len());
    data.extend_from_slice(purpose.as_bytes());
    data.push(0);
    data.extend_from_slice(owner.as_bytes());
    data
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_owner_only() {
        let key = MasterKey::from_bytes([7; 32]);
        let sealed = key.seal("account key", "did:plc:a", b"secret");
        assert_eq!(key.open("account key", "did:plc:a", &sealed).unwrap().as_slice(), b"secret");
        assert!(matches!(key.open("account key", "did:plc:b", &sealed), Err(UnsealError::Refused)));
        assert!(matches!(key.open("secret", "did:plc:a", &sealed), Err(UnsealError::Refused)));
        let other = MasterKey::from_bytes([8; 32]);
        assert!(other.open("account key", "did:plc:a", &sealed).is_err());
    }

    #[test]
    fn damaged_or_cut_seals_are_refused() {
        let key = MasterKey::from_bytes([7; 32]);
        let sealed = key.seal("p", "o", b"secret");
        for length in 0..sealed.len() {
            assert!(key.open("p", "o", &sealed[..length]).is_err());
        }
        for position in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[position] ^= 1;
            assert!(key.open("p", "o", &damaged).is_err());
        }
    }

    #[test]
    fn the_key_file_is_created_once_with_mode_600() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/master.key");
        let first = MasterKey::load_or_create(&path, false).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let again = MasterKey::load_or_create(&path, true).unwrap();
        assert_eq!(first.0, again.0);
        assert!(!path.with_extension("draft").exists());
    }

    #[test]
    fn a_missing_file_is_an_error_when_keys_are_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let error = MasterKey::load_or_create(&path, true).unwrap_err();
        assert!(matches!(error, SealError::Missing));
        assert!(!path.exists());
    }

    #[test]
    fn an_exposed_or_cut_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKey::load_or_create(&path, false).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(matches!(
            MasterKey::load_or_create(&path, true),
            Err(SealError::Exposed { mode: 0o640 })
        ));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(&path, [1; 31]).unwrap();
        assert!(matches!(
            MasterKey::load_or_create(&path, true),
            Err(SealError::WrongLength { found: 31 })
        ));
        assert_eq!(std::fs::read(&path).unwrap(), [1; 31]);
    }

    #[test]
    fn keyed_hashes_differ_by_purpose_and_key() {
        let key = MasterKey::from_bytes([7; 32]);
        let other = MasterKey::from_bytes([8; 32]);
        assert_eq!(key.keyed_hash("a", b"m"), key.keyed_hash("a", b"m"));
        assert_ne!(key.keyed_hash("a", b"m"), key.keyed_hash("b", b"m"));
        assert_ne!(key.keyed_hash("a", b"m"), other.keyed_hash("a", b"m"));
    }
}
