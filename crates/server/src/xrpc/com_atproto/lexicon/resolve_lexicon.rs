//! `com.atproto.lexicon.resolveLexicon`

use cairn_model::{Cid, Nsid};
use serde::{Deserialize, Serialize};

use crate::auth::Anyone;
use crate::published_lexicons::Asker;
use crate::xrpc::{Cx, Json, Params, Result};

#[derive(Deserialize)]
pub struct ResolveLexicon {
    nsid: Nsid,
}

#[derive(Serialize)]
pub struct Resolved {
    uri: String,
    cid: Cid,
    schema: serde_json::Value,
}

/// `LexiconNotFound` says why.
pub async fn resolve_lexicon(
    cx: Cx<Anyone>,
    Params(params): Params<ResolveLexicon>,
) -> Result<Json<Resolved>> {
    let lexicon = cx.app.lexicons_published.resolve(&params.nsid, Asker::Stranger).await?;
    Ok(Json(Resolved { uri: lexicon.uri.clone(), cid: lexicon.cid, schema: lexicon.json.clone() }))
}
