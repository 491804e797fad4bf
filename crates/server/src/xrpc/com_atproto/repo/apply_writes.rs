//! `com.atproto.repo.applyWrites`

use cairn_model::{AtIdentifier, Cid, Did, Nsid, RecordKey, RepoPath};
use cairn_oauth::scope::RepoAction;
use cairn_store::{MAX_WRITES, RecordWrite, WriteAction, WriteRequest};
use serde::{Deserialize, Serialize};

use crate::App;
use crate::auth::Session;
use crate::error::XrpcError;
use crate::records::{
    self, CREATE_POINTS, CommitView, DELETE_POINTS, Draft, PrepareError, RecordJson, Schemas,
    UPDATE_POINTS, Validation,
};
use crate::xrpc::{Cx, Input, Json, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyWrites {
    repo: AtIdentifier,
    validate: Option<bool>,
    writes: Vec<Write>,
    swap_commit: Option<Cid>,
}

#[derive(Deserialize)]
struct Write {
    #[serde(rename = "$type")]
    kind: Kind,
    collection: Nsid,
    rkey: Option<RecordKey>,
    value: Option<RecordJson>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum Kind {
    #[serde(rename = "com.atproto.repo.applyWrites#create")]
    Create,
    #[serde(rename = "com.atproto.repo.applyWrites#update")]
    Update,
    #[serde(rename = "com.atproto.repo.applyWrites#delete")]
    Delete,
}

#[derive(Serialize)]
pub struct Applied {
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<CommitView>,
    results: Vec<WriteView>,
}

#[derive(Serialize)]
#[serde(tag = "$type")]
enum WriteView {
    #[serde(rename = "com.atproto.repo.applyWrites#createResult", rename_all = "camelCase")]
    Create {
        uri: String,
        cid: Cid,
        #[serde(skip_serializing_if = "Option::is_none")]
        validation_status: Option<Validation>,
    },
    #[serde(rename = "com.atproto.repo.applyWrites#updateResult", rename_all = "camelCase")]
    Update {
        uri: String,
        cid: Cid,
        #[serde(skip_serializing_if = "Option::is_none")]
        validation_status: Option<Validation>,
    },
    #[serde(rename = "com.atproto.repo.applyWrites#deleteResult")]
    Delete {},
}

/// All writes become one commit, or none of them happens. There is no de-duplication here: the caller says it all.
pub async fn apply_writes(
    cx: Cx<Session>,
    Input(input): Input<ApplyWrites>,
) -> Result<Json<Applied>> {
    let did = cx.own_repo(&input.repo)?.did.clone();
    if input.writes.len() > MAX_WRITES {
        return Err(XrpcError::invalid_request(format!("Too many writes. Max: {MAX_WRITES}")));
    }
    for write in &input.writes {
        cx.caller.check_repo(write.kind.action(), &write.collection)?;
    }
    // Before the records are looked at: that is work, whether they are right or not.
    cx.charge_writes(&did, input.writes.iter().map(|write| write.kind.points()).sum())?;
    let mut writes = Vec::with_capacity(input.writes.len());
    let mut results = Vec::with_capacity(input.writes.len());
    let written = input.writes.iter().filter(|write| write.kind != Kind::Delete);
    let collections = written.map(|write| &write.collection);
    let schemas = Schemas::find(&cx, input.validate, collections).await?;
    for (index, write) in input.writes.into_iter().enumerate() {
        let (write, result) = prepare(&cx.app, &schemas, &did, write, input.validate)
            .map_err(|err| XrpcError::invalid_request(err.message(index)))?;
        writes.push(write);
        results.push(result);
    }
    let request =
        WriteRequest { account: did, writes, swap_commit: input.swap_commit, dedupe: false };
    let outcome = cx.app.store.write(request).await?;
    Ok(Json(Applied { commit: outcome.commit.map(Into::into), results }))
}

impl Kind {
    fn action(self) -> RepoAction {
        match self {
            Self::Create => RepoAction::Create,
            Self::Update => RepoAction::Update,
            Self::Delete => RepoAction::Delete,
        }
    }

    fn points(self) -> u32 {
        match self {
            Self::Create => CREATE_POINTS,
            Self::Update => UPDATE_POINTS,
            Self::Delete => DELETE_POINTS,
        }
    }
}

/// Why one of the writes cannot be done.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("value is required")]
    NoValue,
    #[error("rkey is required")]
    NoRkey,
    #[error(transparent)]
    Record(#[from] PrepareError),
}

impl WriteError {
    fn message(&self, index: usize) -> String {
        match self {
            Self::Record(err) => err.message(&format!("writes/{index}/record")),
            err => format!("Invalid input: writes[{index}]: {err}"),
        }
    }
}

fn prepare(
    app: &App,
    schemas: &Schemas,
    did: &Did,
    write: Write,
    validate: Option<bool>,
) -> std::result::Result<(RecordWrite, WriteView), WriteError> {
    let Write { kind, collection, rkey, value } = write;
    let rkey = match (kind, rkey) {
        (_, Some(rkey)) => rkey,
        (Kind::Create, None) => records::next_rkey(app),
        (Kind::Update | Kind::Delete, None) => return Err(WriteError::NoRkey),
    };
    if kind == Kind::Delete {
        let action = WriteAction::Delete { swap: None, must_exist: true };
        return Ok((
            RecordWrite { path: RepoPath::new(&collection, &rkey), action },
            WriteView::Delete {},
        ));
    }
    let record = value.ok_or(WriteError::NoValue)?.0;
    let prepared = records::prepare(schemas, Draft { collection, rkey, record, validate })?;
    let (uri, cid) = (records::uri(did, &prepared.path), prepared.record.cid);
    let validation_status = prepared.validation;
    let (action, view) = match kind {
        Kind::Create => (
            WriteAction::Create(prepared.record),
            WriteView::Create { uri, cid, validation_status },
        ),
        _ => {
            let action = WriteAction::Update { record: prepared.record, swap: None };
            (action, WriteView::Update { uri, cid, validation_status })
        }
    };
    Ok((RecordWrite { path: prepared.path, action }, view))
}
