//! `com.atproto.sync.getBlocks`: single blocks by CID.

use cairn_model::{Cid, Did};
use cairn_repo::car;
use cairn_store::MAX_BLOCKS_BYTES;
use serde::Deserialize;

use crate::auth::RepoReader;
use crate::error::XrpcError;
use crate::xrpc::reply::Car;
use crate::xrpc::{Cx, Params, Result};

use super::access::readable;

/// More are not looked for in one call: each costs a share of a scan.
const MAX_CIDS: usize = 200;

#[derive(Deserialize)]
pub struct BlocksParams {
    did: Did,
    #[serde(default)]
    cids: Vec<Cid>,
}

pub async fn get_blocks(cx: Cx<RepoReader>, Params(params): Params<BlocksParams>) -> Result<Car> {
    if params.cids.len() > MAX_CIDS {
        return Err(XrpcError::invalid_request(format!("too many cids (at most {MAX_CIDS})")));
    }
    let account = readable(&cx, &params.did).await?;
    let blocks = cx.app.store.blocks(account.id, params.cids.clone()).await?;
    let missing: Vec<String> = params
        .cids
        .iter()
        .filter(|cid| !blocks.iter().any(|(found, _)| found == *cid))
        .map(Cid::to_string)
        .collect();
    let weight: usize = blocks.iter().map(|(_, bytes)| bytes.len()).sum();
    if !missing.is_empty() && weight >= MAX_BLOCKS_BYTES {
        return Err(XrpcError::invalid_request(format!(
            "the blocks weigh more than {MAX_BLOCKS_BYTES} bytes together: ask for fewer"
        )));
    }
    if !missing.is_empty() {
        return Err(XrpcError::named(
            "BlockNotFound",
            format!("Could not find cids: {}", missing.join(", ")),
        ));
    }
    let mut out = Vec::new();
    car::write_header(&[], &mut out);
    for (cid, bytes) in &blocks {
        car::write_block(cid, bytes, &mut out);
    }
    Ok(Car(out))
}
