//! `com.atproto.admin.updateSubjectStatus`

use cairn_model::{AtIdentifier, AtUri, Cid, Did, RepoPath};
use cairn_store::Account;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::App;
use crate::accounts::{administration, identity};
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
            if let Some(reference) = input.takedown.as_ref().map(|takedown| takedown.reference(app))
            {
                let action = part_action(reference.as_deref());
                let exists = app.store.set_record_takedown(account.id, &path, reference).await?;
                found(exists, "Record not found")?;
                let detail = json!({ "record": path.to_string() });
                administration::record(app, by, action, account.did.as_str(), detail).await;
            }
        }
        Subject::Blob { did, cid, .. } => {
            let account = super::account(app, AtIdentifier::Did(did.clone())).await?;
            if let Some(reference) = input.takedown.as_ref().map(|takedown| takedown.reference(app))
            {
                let action = part_action(reference.as_deref());
                let exists = app.store.set_blob_takedown(account.id, *cid, reference).await?;
                found(exists, "Blob not found")?;
                let detail = json!({ "blob": cid.to_string() });
                administration::record(app, by, action, account.did.as_str(), detail).await;
            }
        }
    }
    Ok(Json(Updated { subject: input.subject, takedown: input.takedown }))
}

impl StatusAttr {
    /// What to store for a takedown: its reference, or the time for want of one; nothing for its reversal.
    fn reference(&self, app: &App) -> Option<String> {
        self.applied.then(|| self.reference.clone().unwrap_or_else(|| app.clock.now().to_string()))
    }
}

/// The log's word for what is done to a record or a blob.
fn part_action(reference: Option<&str>) -> &'static str {
    if reference.is_some() { "takedown_part" } else { "restore_part" }
}

fn found(exists: bool, message: &'static str) -> Result<()> {
    if exists { Ok(()) } else { Err(XrpcError::named("NotFound", message)) }
}

/// The account and the path of a record that a URI names.
pub(super) async fn record(app: &App, uri: &AtUri) -> Result<(std::sync::Arc<Account>, RepoPath)> {
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
