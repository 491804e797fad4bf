//! `app.bsky.feed.getFeed`

use axum::response::Response;
use cairn_model::{AtIdentifier, AtUri, Did, Limits, Nsid, RecordKey, RepoPath, cbor};
use serde::Deserialize;
use serde_json::Value;

use crate::auth::Session;
use crate::error::XrpcError;
use crate::proxy::{Coding, Forward, OutgoingBody, Upstream};
use crate::xrpc::{Cx, Params, Result};

const GENERATOR: &str = "app.bsky.feed.generator";
/// The name of a generator in its DID document.
const GENERATOR_SERVICE: &str = "bsky_fg";
/// The AppView hands the token on to the feed's generator, so that it knows whom the feed is for.
const SKELETON: &str = "app.bsky.feed.getFeedSkeleton";

#[derive(Deserialize)]
pub struct GetFeed {
    feed: AtUri,
}

/// A feed, asked for with a token for its generator.
pub async fn get_feed(cx: Cx<Session>, Params(params): Params<GetFeed>) -> Result<Response> {
    let upstream = Upstream::of(&cx).await?;
    let generator = generator(&cx, &upstream, &params.feed).await?;
    cx.caller.check_rpc(SKELETON, &format!("{generator}#{GENERATOR_SERVICE}"))?;
    let lxm = Nsid::parse(SKELETON).map_err(XrpcError::internal)?;
    let call = Forward {
        nsid: cx.endpoint.nsid,
        audience: &generator,
        lxm: &lxm,
        coding: Coding::AsClient,
        body: OutgoingBody::None,
    };
    upstream.forward(call).await?.into_response(&cx.app)
}

/// The DID of the service that makes a feed, as the feed's record says.
async fn generator(cx: &Cx<Session>, upstream: &Upstream<'_>, feed: &AtUri) -> Result<Did> {
    let unknown = || XrpcError::named("UnknownFeed", "could not resolve feed did");
    let (Ok(repo), Some(GENERATOR), Some(rkey)) =
        (feed.identifier(), feed.collection(), feed.rkey())
    else {
        return Err(XrpcError::invalid_request("feed is not the address of a feed generator"));
    };
    if let Some(did) = own_generator(cx, &repo, rkey).await? {
        return Ok(did);
    }
    let params = [("repo", feed.authority()), ("collection", GENERATOR), ("rkey", rkey)];
    let found = upstream.query("com.atproto.repo.getRecord", &params).await?;
    let found = found.ok_or_else(unknown)?;
    let did = found.pointer("/value/did").and_then(Value::as_str);
    did.and_then(|did| Did::parse(did).ok()).ok_or_else(unknown)
}

/// The same for a feed whose record is kept here.
async fn own_generator(cx: &Cx<Session>, repo: &AtIdentifier, rkey: &str) -> Result<Option<Did>> {
    let account = cx.app.store.account(repo.clone()).await?;
    let Some(account) = account.filter(|account| account.is_active()) else { return Ok(None) };
    let collection = Nsid::parse(GENERATOR).map_err(XrpcError::internal)?;
    let Ok(rkey) = RecordKey::parse(rkey) else { return Ok(None) };
    let record = cx.app.store.record(account.id, &RepoPath::new(&collection, &rkey)).await?;
    let Some(record) = record.filter(|record| record.takedown_ref.is_none()) else {
        return Ok(None);
    };
    let value = cbor::decode(&record.bytes, &Limits::RECORD).map_err(XrpcError::internal)?;
    Ok(value.get("did").and_then(cairn_model::Value::as_str).and_then(|did| Did::parse(did).ok()))
}
