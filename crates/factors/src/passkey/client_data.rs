//! What the browser signs along: which ceremony, for which challenge, on which page. §5.8.1.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::{Expected, PasskeyError};

/// Browsers write a few hundred bytes.
const MAX_BYTES: usize = 8 * 1024;

/// The two ceremonies.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ceremony {
    Create,
    Get,
}

/// Members that we do not know are let through, as §5.8.1 demands; one that stands twice is not.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData<'a> {
    #[serde(borrow)]
    r#type: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    challenge: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    origin: std::borrow::Cow<'a, str>,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

/// Checks the client data, as UTF-8 JSON.
pub(super) fn check(
    bytes: &[u8],
    ceremony: Ceremony,
    expected: &Expected<'_>,
) -> Result<(), PasskeyError> {
    if bytes.len() > MAX_BYTES {
        return Err(PasskeyError::ClientData);
    }
    let data: ClientData<'_> =
        serde_json::from_slice(bytes).map_err(|_| PasskeyError::ClientData)?;
    let wanted = match ceremony {
        Ceremony::Create => "webauthn.create",
        Ceremony::Get => "webauthn.get",
    };
    if data.r#type != wanted {
        return Err(PasskeyError::Type);
    }
    let challenge = BASE64URL_NOPAD.encode(expected.challenge);
    if !bool::from(challenge.as_bytes().ct_eq(data.challenge.as_bytes())) {
        return Err(PasskeyError::Challenge);
    }
    // Our pages are in nobody's frame.
    if data.origin != expected.origin || data.cross_origin || data.top_origin.is_some() {
        return Err(PasskeyError::Origin);
    }
    Ok(())
}
