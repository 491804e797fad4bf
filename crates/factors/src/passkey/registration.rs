//! A passkey is made: §7.1.

use super::auth_data::{self, AuthData};
use super::cbor::{Malformed, Reader};
use super::client_data::{self, Ceremony};
use super::key::Key;
use super::{Expected, PasskeyError};

/// The authenticator data and a statement with a few certificates.
const MAX_BYTES: usize = 32 * 1024;

/// A passkey that was made, to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// At most [`super::MAX_CREDENTIAL_ID_BYTES`].
    pub credential_id: Vec<u8>,
    /// In COSE form; [`super::verify`] takes it so.
    pub public_key: Vec<u8>,
    /// How often it has signed, as it says itself; zero for those that do not count.
    pub sign_count: u32,
    /// Whether it can be copied to other devices. That never changes.
    pub backup_eligible: bool,
    /// Whether a copy of it is kept somewhere.
    pub backed_up: bool,
    /// Whether the authenticator checked that it is its owner.
    pub verified: bool,
}

/// Checks what a browser sends that has made a passkey. Attestation statements are passed over: the server asks for none.
///
/// # Errors
/// See [`PasskeyError`].
pub fn register(
    expected: &Expected<'_>,
    client_data: &[u8],
    attestation_object: &[u8],
) -> Result<Registered, PasskeyError> {
    client_data::check(client_data, Ceremony::Create, expected)?;
    let bytes =
        authenticator_data(attestation_object).map_err(|Malformed| PasskeyError::Attestation)?;
    let data = AuthData::parse(bytes)?;
    data.check(expected)?;
    let credential = data.credential.as_ref().ok_or(PasskeyError::AuthenticatorData)?;
    Key::parse(credential.public_key)?;
    Ok(Registered {
        credential_id: credential.id.to_vec(),
        public_key: credential.public_key.to_vec(),
        sign_count: data.sign_count,
        backup_eligible: data.is_backup_eligible(),
        backed_up: data.is_backed_up(),
        verified: data.is_verified(),
    })
}

/// The authenticator data in an attestation object, which has three members: §6.5.4.
fn authenticator_data(object: &[u8]) -> Result<&[u8], Malformed> {
    if object.len() > MAX_BYTES {
        return Err(Malformed);
    }
    let mut reader = Reader(object);
    if reader.map()? != 3 {
        return Err(Malformed);
    }
    let (mut format, mut statement, mut data) = (false, false, None);
    for _ in 0..3 {
        match reader.text()? {
            "fmt" if !format => {
                reader.text()?;
                format = true;
            }
            "attStmt" if !statement => {
                reader.skip_map()?;
                statement = true;
            }
            "authData" if data.is_none() => data = Some(reader.bytes()?),
            _ => return Err(Malformed),
        }
    }
    let data = data.filter(|data| data.len() <= auth_data::MAX_BYTES).ok_or(Malformed)?;
    if reader.is_at_end() { Ok(data) } else { Err(Malformed) }
}
