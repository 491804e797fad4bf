//! What the authenticator says, and signs: §6.1.

use ring::digest::{SHA256, digest};

use super::cbor::{Malformed, Reader};
use super::{Expected, MAX_CREDENTIAL_ID_BYTES, PasskeyError};

/// An RSA key of 4,096 bits, the longest credential id and some extensions.
pub(super) const MAX_BYTES: usize = 4 * 1024;

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const HAS_CREDENTIAL: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

/// Authenticator data that was taken apart.
#[derive(Debug)]
pub(super) struct AuthData<'a> {
    rp_id_hash: &'a [u8],
    flags: u8,
    pub(super) sign_count: u32,
    pub(super) credential: Option<Credential<'a>>,
}

/// A credential that was made.
#[derive(Debug)]
pub(super) struct Credential<'a> {
    pub(super) id: &'a [u8],
    /// In COSE form.
    pub(super) public_key: &'a [u8],
}

impl<'a> AuthData<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, PasskeyError> {
        if bytes.len() > MAX_BYTES {
            return Err(PasskeyError::AuthenticatorData);
        }
        let mut reader = Reader(bytes);
        let parsed = Self::read(&mut reader);
        parsed.ok().filter(|_| reader.is_at_end()).ok_or(PasskeyError::AuthenticatorData)
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let rp_id_hash = reader.take(32)?;
        let flags = reader.take(1)?.first().copied().ok_or(Malformed)?;
        let count: [u8; 4] = reader.take(4)?.try_into().map_err(|_| Malformed)?;
        let has_credential = flags & HAS_CREDENTIAL != 0;
        let credential = if has_credential { Some(Credential::read(reader)?) } else { None };
        if flags & HAS_EXTENSIONS != 0 {
            reader.skip_map()?;
        }
        Ok(Self { rp_id_hash, flags, sign_count: u32::from_be_bytes(count), credential })
    }

    /// What is checked in both ceremonies.
    pub(super) fn check(&self, expected: &Expected<'_>) -> Result<(), PasskeyError> {
        if self.rp_id_hash != digest(&SHA256, expected.rp_id.as_bytes()).as_ref() {
            return Err(PasskeyError::RelyingParty);
        }
        if !self.has(USER_PRESENT) {
            return Err(PasskeyError::NotPresent);
        }
        if expected.needs_verification && !self.is_verified() {
            return Err(PasskeyError::NotVerified);
        }
        // What cannot be copied is in no backup.
        if self.is_backed_up() && !self.is_backup_eligible() {
            return Err(PasskeyError::AuthenticatorData);
        }
        Ok(())
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn is_verified(&self) -> bool {
        self.has(USER_VERIFIED)
    }

    pub(super) fn is_backup_eligible(&self) -> bool {
        self.has(BACKUP_ELIGIBLE)
    }

    pub(super) fn is_backed_up(&self) -> bool {
        self.has(BACKED_UP)
    }
}

impl<'a> Credential<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let _aaguid = reader.take(16)?;
        let length: [u8; 2] = reader.take(2)?.try_into().map_err(|_| Malformed)?;
        let length = usize::from(u16::from_be_bytes(length));
        if length == 0 || length > MAX_CREDENTIAL_ID_BYTES {
            return Err(Malformed);
        }
        let id = reader.take(length)?;
        let from_key = reader.0;
        reader.skip_map()?;
        let key_bytes = from_key.len().checked_sub(reader.0.len()).ok_or(Malformed)?;
        let public_key = from_key.get(..key_bytes).ok_or(Malformed)?;
        Ok(Self { id, public_key })
    }
}
