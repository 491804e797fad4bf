//! The parameters of a request: a form, or JSON as some clients send it.

use axum::body::Body;
use cairn_oauth::{OAuthError, Params};
use http::HeaderMap;

use crate::xrpc::body::{content_type, read_whole};

use super::endpoint::Refusal;

/// The largest body: the parameters with an assertion and many scopes.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads the parameters.
///
/// # Errors
/// 415 for other content types, 413 beyond the limit, 400 for what cannot be read.
pub(super) async fn params(headers: &HeaderMap, body: Body) -> Result<Params, Refusal> {
    let content_type = content_type(headers)?;
    let is_form = content_type == "application/x-www-form-urlencoded";
    if !is_form && content_type != "application/json" && !content_type.ends_with("+json") {
        return Err(Refusal::content_type());
    }
    let bytes = read_whole(headers, body, MAX_BYTES).await?;
    let params: Result<Params, OAuthError> =
        if is_form { Params::from_form(&bytes) } else { Params::from_json(&bytes) };
    Ok(params?)
}
