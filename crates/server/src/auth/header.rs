//! The `Authorization` header.

use http::{HeaderMap, header};

use crate::error::XrpcError;

/// A credential as it was sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent<'a> {
    Nothing,
    Basic(&'a str),
    Bearer(&'a str),
    /// OAuth's proof-of-possession tokens.
    Dpop(&'a str),
}

/// Whether a request comes from an OAuth client, or claims to.
pub(crate) fn is_dpop(headers: &HeaderMap) -> bool {
    matches!(parse(headers), Ok(Sent::Dpop(_)))
}

/// Splits the header into scheme and token.
///
/// # Errors
/// 400 `InvalidToken` for any other scheme or number of parts.
pub(super) fn parse(headers: &HeaderMap) -> Result<Sent<'_>, XrpcError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(Sent::Nothing) };
    let text = value.to_str().map_err(|_| malformed())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(malformed)?;
    if token.is_empty() || token.contains(' ') {
        return Err(malformed());
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Sent::Bearer(token));
    }
    if scheme.eq_ignore_ascii_case("basic") {
        return Ok(Sent::Basic(token));
    }
    if scheme.eq_ignore_ascii_case("dpop") {
        return Ok(Sent::Dpop(token));
    }
    Err(malformed())
}

fn malformed() -> XrpcError {
    XrpcError::invalid_token("Malformed authorization header")
}
