//! `com.atproto.repo.*`: records and blobs.

pub mod apply_writes;
pub mod create_record;
pub mod delete_record;
pub mod describe_repo;
pub mod get_record;
pub mod import_repo;
pub mod list_missing_blobs;
pub mod list_records;
pub mod put_record;
pub mod upload_blob;

use cairn_oauth::scope::{AccountAction, AccountAttr};

use crate::auth::{ANYONE, FULL_SESSION, OAuthPolicy, SESSION, SESSION_OR_SERVICE};
use crate::limits::Bucket;
use crate::xrpc::endpoint::RECORD_JSON_LIMIT;
use crate::xrpc::{Endpoint, procedure, query};

use self::{
    apply_writes::apply_writes, create_record::create_record, delete_record::delete_record,
    describe_repo::describe_repo, get_record::get_record, import_repo::import_repo,
    list_missing_blobs::list_missing_blobs, list_records::list_records, put_record::put_record,
    upload_blob::upload_blob,
};

/// The methods of this namespace.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        procedure("com.atproto.repo.createRecord", SESSION.active(), create_record)
            .oauth(OAuthPolicy::Repo)
            .json_limit(RECORD_JSON_LIMIT),
        procedure("com.atproto.repo.putRecord", SESSION.active(), put_record)
            .oauth(OAuthPolicy::Repo)
            .json_limit(RECORD_JSON_LIMIT),
        procedure("com.atproto.repo.deleteRecord", SESSION.active(), delete_record)
            .oauth(OAuthPolicy::Repo),
        procedure("com.atproto.repo.applyWrites", SESSION.active(), apply_writes)
            .oauth(OAuthPolicy::Repo)
            .json_limit(RECORD_JSON_LIMIT),
        query("com.atproto.repo.describeRepo", ANYONE, describe_repo),
        query("com.atproto.repo.getRecord", ANYONE, get_record),
        query("com.atproto.repo.listRecords", ANYONE, list_records),
        procedure("com.atproto.repo.uploadBlob", SESSION_OR_SERVICE.not_takendown(), upload_blob)
            .oauth(OAuthPolicy::Blob),
        query("com.atproto.repo.listMissingBlobs", SESSION, list_missing_blobs)
            .oauth(OAuthPolicy::Any),
        procedure("com.atproto.repo.importRepo", FULL_SESSION.not_takendown(), import_repo)
            .oauth(OAuthPolicy::Account(AccountAttr::Repo, AccountAction::Manage))
            .car()
            .limits(&[Bucket::Announce]),
    ]
}
