//! `com.atproto.sync.*`: repositories as others copy and follow them.
//!
//! Spec: <https://atproto.com/specs/sync>.

mod access;
mod get_blob;
mod get_blocks;
mod get_checkout;
mod get_head;
mod get_latest_commit;
mod get_record;
mod get_repo;
mod get_repo_status;
mod list_blobs;
mod list_repos;
mod list_repos_by_collection;
mod range;
mod subscribe_repos;

use serde::Deserialize;

use cairn_model::Did;

use crate::auth::{ANYONE, OAuthPolicy, REPO_READER};
use crate::limits::Bucket;
use crate::xrpc::endpoint::subscription;
use crate::xrpc::{Endpoint, query};

/// Parameters of the methods that only name a repository.
#[derive(Deserialize)]
pub struct RepoParams {
    did: Did,
}

/// The methods of this namespace.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let reader = || REPO_READER.or_takendown();
    vec![
        query("com.atproto.sync.getBlob", reader(), get_blob::get_blob).oauth(OAuthPolicy::Any),
        query("com.atproto.sync.getBlocks", REPO_READER, get_blocks::get_blocks)
            .oauth(OAuthPolicy::Any),
        query("com.atproto.sync.getCheckout", REPO_READER, get_checkout::get_checkout)
            .oauth(OAuthPolicy::Any),
        query("com.atproto.sync.getHead", REPO_READER, get_head::get_head).oauth(OAuthPolicy::Any),
        query(
            "com.atproto.sync.getLatestCommit",
            REPO_READER,
            get_latest_commit::get_latest_commit,
        )
        .oauth(OAuthPolicy::Any),
        query("com.atproto.sync.getRecord", REPO_READER, get_record::get_record)
            .oauth(OAuthPolicy::Any),
        query("com.atproto.sync.getRepo", reader(), get_repo::get_repo)
            .oauth(OAuthPolicy::Any)
            .limits(&[Bucket::GetRepo])
            .outside_global_limit(),
        query("com.atproto.sync.getRepoStatus", ANYONE, get_repo_status::get_repo_status),
        query("com.atproto.sync.listBlobs", reader(), list_blobs::list_blobs)
            .oauth(OAuthPolicy::Any),
        query("com.atproto.sync.listRepos", ANYONE, list_repos::list_repos),
        query(
            "com.atproto.sync.listReposByCollection",
            ANYONE,
            list_repos_by_collection::list_repos_by_collection,
        ),
        subscription("com.atproto.sync.subscribeRepos", ANYONE, subscribe_repos::subscribe_repos)
            .outside_global_limit(),
    ]
}
