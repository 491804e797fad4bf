//! `com.atproto.server.describeServer`

use serde::Serialize;

use crate::auth::Anyone;
use crate::config::SignUp;
use crate::xrpc::{Cx, Json, Result};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    did: String,
    available_user_domains: Vec<String>,
    invite_code_required: bool,
    blob_upload_limit: u64,
    links: Links,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<Contact>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Links {
    #[serde(skip_serializing_if = "Option::is_none")]
    privacy_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    terms_of_service: Option<String>,
}

#[derive(Serialize)]
struct Contact {
    email: String,
}

pub async fn describe_server(cx: Cx<Anyone>) -> Result<Json<Description>> {
    let config = &cx.app.config;
    // There is no word for a closed server. A form that asks for a code is nearer to it than one that asks for nothing.
    let invite_code_required = matches!(config.sign_up, SignUp::Invite | SignUp::Closed);
    Ok(Json(Description {
        did: config.service_did.to_string(),
        available_user_domains: config.handle_domains.clone(),
        invite_code_required,
        blob_upload_limit: config.blob_upload_limit,
        links: Links {
            privacy_policy: config.links.privacy_policy.clone(),
            terms_of_service: config.links.terms_of_service.clone(),
        },
        contact: config.contact_email.clone().map(|email| Contact { email }),
    }))
}
