//! `com.atproto.temp.requestPhoneVerification`

use serde::Deserialize;

use crate::auth::Anyone;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct RequestPhoneVerification {
    #[serde(rename = "phoneNumber")]
    _phone_number: String,
}

/// This server asks nobody for a phone number.
pub async fn request_phone_verification(
    _cx: Cx<Anyone>,
    Input(_input): Input<RequestPhoneVerification>,
) -> Result<()> {
    Err(XrpcError::invalid_request("Phone verification is not enabled on this server"))
}
