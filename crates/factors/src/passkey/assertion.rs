//! A passkey is used: §7.2.

use ring::digest::{SHA256, digest};

use super::auth_data::AuthData;
use super::client_data::{self, Ceremony};
use super::key::Key;
use super::{Expected, PasskeyError};

/// What a browser sends.
#[derive(Clone, Copy, Debug)]
pub struct Assertion<'a> {
    /// UTF-8 JSON.
    pub client_data: &'a [u8],
    /// As the authenticator wrote it.
    pub authenticator_data: &'a [u8],
    /// Over both of the above.
    pub signature: &'a [u8],
}

/// What is known after the signature was checked. Whether the counter has gone up is for the one who has stored it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How often it has signed, as it says itself; zero for those that do not count.
    pub sign_count: u32,
    /// Whether it can be copied to other devices.
    pub backup_eligible: bool,
    /// Whether a copy of it is kept somewhere.
    pub backed_up: bool,
    /// Whether the authenticator checked that it is its owner.
    pub verified: bool,
}

/// Checks an assertion with the public key of the passkey, in the form that [`super::Registered`] has it.
///
/// # Errors
/// See [`PasskeyError`].
pub fn verify(
    expected: &Expected<'_>,
    public_key: &[u8],
    assertion: &Assertion<'_>,
) -> Result<Verified, PasskeyError> {
    client_data::check(assertion.client_data, Ceremony::Get, expected)?;
    let data = AuthData::parse(assertion.authenticator_data)?;
    data.check(expected)?;
    let hash = digest(&SHA256, assertion.client_data);
    let message = [assertion.authenticator_data, hash.as_ref()].concat();
    Key::parse(public_key)?.verify(&message, assertion.signature)?;
    Ok(Verified {
        sign_count: data.sign_count,
        backup_eligible: data.is_backup_eligible(),
        backed_up: data.is_backed_up(),
        verified: data.is_verified(),
    })
}
