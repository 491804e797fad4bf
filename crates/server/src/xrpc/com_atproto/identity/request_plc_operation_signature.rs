//! `com.atproto.identity.requestPlcOperationSignature`

use cairn_store::MailPurpose;

use crate::accounts::mailing;
use crate::auth::Session;
use crate::xrpc::{Cx, Result};

pub async fn request_plc_operation_signature(cx: Cx<Session>) -> Result<()> {
    mailing::send_token(&cx.app, cx.text(), &cx.caller.account, MailPurpose::PlcOperation).await
}
