//! `com.atproto.admin.updateSubjectStatus`

use cairn_model::{AtIdentifier, AtUri, Cid, Did, RepoPath};
use cairn_store::Account;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::accounts::administration::{self, Part};
use crate::accounts::identity;
use crate::auth::Moderator;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Json, Result};

#[derive(Deserialize)]
pub struct UpdateSubjectStatus {
    subject: Subject,
    takedown: Option<StatusAttr>,
    deactivated: Option<StatusAttr>,
}

/// What is moderated: an account, one of its records, or one of its blobs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "$type")]
pub enum Subject {
    #[serde(rename = "com.atproto.admin.defs#repoRef")]
    Repo { did: Did },
    #[serde(rename = "com.atproto.repo.strongRef")]
    Record { uri: AtUri, cid: Cid },
    #[serde(rename = "com.atproto.admin.defs#repoBlobRef", rename_all = "camelCase")]
    Blob {
        did: Did,
        cid: Cid,
        #[serde(skip_serializing_if = "Option::is_none")]
        record_uri: Option<AtUri>,
    },
}

/// `com.atproto.admin.defs#statusAttr`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatusAttr {
    pub applied: bool,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

#[derive(Serialize)]
pub struct Updated {
    subject: Subject,
    #[serde(skip_serializing_if = "Option::is_none")]
    takedown: Option<StatusAttr>,
}

pub async fn update_subject_status(
    cx: Cx<Moderator>,
    Input(input): Input<UpdateSubjectStatus>,
) -> Result<Json<Updated>> {
    let (app, by) = (&cx.app, &cx.caller);
    match &input.subject {
        Subject::Repo { did } => {
            let account = super::account(app, AtIdentifier::Did(did.clone())).await?;
            let (takedown, deactivated) = (input.takedown.as_ref(), input.deactivated.as_ref());
            update_account(app, by, &account, takedown, deactivated).await?;
        }
        Subject::Record { uri, .. } => {
            let (account, path) = record(app, uri).await?;
            update_part(app, by, &account, &Part::Record(path), input.takedown.as_ref()).await?;
        }
        Subject::Blob { did, cid, .. } => {
            let account = super::account(app, AtIdentifier::Did(did.clone())).await?;
            update_part(app, by, &account, &Part::Blob(*cid), input.takedown.as_ref()).await?;
        }
    }
    Ok(Json(Updated { subject: input.subject, takedown: input.takedown }))
}

async fn update_part(
    app: &App,
    by: &Moderator,
    account: &Account,
    part: &Part,
    takedown: Option<&StatusAttr>,
) -> Result<()> {
    let Some(StatusAttr { applied, reference }) = takedown else { return Ok(()) };
    if *applied {
        administration::take_down_part(app, by, account, part, reference.clone(), None).await
    } else {
        administration::restore_part(app, by, account, part, reference.clone()).await
    }
}

/// The account and the path of a record that a URI names.
pub(crate) async fn record(app: &App, uri: &AtUri) -> Result<(std::sync::Arc<Account>, RepoPath)> {
    let (Some(collection), Some(rkey)) = (uri.collection(), uri.rkey()) else {
        return Err(XrpcError::invalid_request("uri must name a record"));
    };
    let path = RepoPath::parse(&format!("{collection}/{rkey}"))
        .map_err(|err| XrpcError::invalid_request(err.to_string()))?;
    let authority = uri.identifier().map_err(|err| XrpcError::invalid_request(err.to_string()))?;
    Ok((super::account(app, authority).await?, path))
}

async fn update_account(
    app: &App,
    by: &Moderator,
    account: &Account,
    takedown: Option<&StatusAttr>,
    deactivated: Option<&StatusAttr>,
) -> Result<()> {
    let takes_down = takedown.is_some_and(|takedown| takedown.applied);
    let activates = deactivated.is_some_and(|deactivated| !deactivated.applied);
    if takes_down && activates {
        return Err(XrpcError::invalid_request("Cannot take down and activate an account at once"));
    }
    if activates {
        // Before anything else, so that nothing is half done when the account lives elsewhere.
        identity::require_valid_document(app, &account.did).await?;
    }
    if let Some(takedown) = takedown {
        let reference = takedown.reference.clone();
        if takedown.applied {
            administration::take_down(app, by, account, reference).await?;
        } else {
            administration::restore(app, by, account, reference).await?;
        }
    }
    match deactivated.map(|deactivated| deactivated.applied) {
        Some(true) => administration::deactivate(app, by, account).await?,
        Some(false) => administration::activate(app, by, account).await?,
        // Interop: without attributes, consumers are told the present state once more.
        None if takedown.is_none() => app.store.emit_account(account.id).await?,
        None => {}
    }
    Ok(())
}
