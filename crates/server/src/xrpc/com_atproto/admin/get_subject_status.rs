//! `com.atproto.admin.getSubjectStatus`

use cairn_model::{AtIdentifier, AtUri, Cid, Did};
use serde::{Deserialize, Serialize};

use super::update_subject_status::{StatusAttr, Subject, record};
use crate::auth::Moderator;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Json, Params, Result};

#[derive(Deserialize)]
pub struct GetSubjectStatus {
    did: Option<Did>,
    uri: Option<AtUri>,
    blob: Option<Cid>,
}

#[derive(Serialize)]
pub struct SubjectStatus {
    subject: Subject,
    takedown: StatusAttr,
    #[serde(skip_serializing_if = "Option::is_none")]
    deactivated: Option<StatusAttr>,
}

pub async fn get_subject_status(
    cx: Cx<Moderator>,
    Params(params): Params<GetSubjectStatus>,
) -> Result<Json<SubjectStatus>> {
    let app = &cx.app;
    let not_found = || XrpcError::named("NotFound", "Subject not found");
    let status = match (params.did, params.uri, params.blob) {
        (Some(did), _, Some(cid)) => {
            let account = super::account(app, AtIdentifier::Did(did.clone())).await?;
            let blob = app.store.blob_info(account.id, cid).await?.ok_or_else(not_found)?;
            let subject = Subject::Blob { did, cid, record_uri: None };
            SubjectStatus { subject, takedown: taken_down(blob.takedown_ref), deactivated: None }
        }
        (_, Some(uri), None) => {
            let (account, path) = record(app, &uri).await?;
            let record = app.store.record(account.id, &path).await?.ok_or_else(not_found)?;
            let subject = Subject::Record { uri, cid: record.cid };
            SubjectStatus { subject, takedown: taken_down(record.takedown_ref), deactivated: None }
        }
        (Some(did), None, None) => {
            let account = super::account(app, AtIdentifier::Did(did.clone())).await?;
            let deactivated =
                StatusAttr { applied: account.deactivated_at.is_some(), reference: None };
            let takedown = taken_down(account.takedown_ref.clone());
            SubjectStatus {
                subject: Subject::Repo { did },
                takedown,
                deactivated: Some(deactivated),
            }
        }
        _ => return Err(XrpcError::invalid_request("No provided subject")),
    };
    Ok(Json(status))
}

fn taken_down(reference: Option<String>) -> StatusAttr {
    StatusAttr { applied: reference.is_some(), reference }
}
