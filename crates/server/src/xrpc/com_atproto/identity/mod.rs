//! `com.atproto.identity.*`: handles and DID documents.

pub mod get_recommended_did_credentials;
pub mod refresh_identity;
pub mod request_plc_operation_signature;
pub mod resolve_did;
pub mod resolve_handle;
pub mod resolve_identity;
pub mod sign_plc_operation;
pub mod submit_plc_operation;
pub mod update_handle;

use cairn_oauth::scope::IdentityAttr;

use crate::auth::{ANYONE, FULL_SESSION, OAuthPolicy, SESSION};
use crate::limits::Bucket;
use crate::xrpc::{Endpoint, procedure, query};

use self::{
    get_recommended_did_credentials::get_recommended_did_credentials,
    refresh_identity::refresh_identity,
    request_plc_operation_signature::request_plc_operation_signature, resolve_did::resolve_did,
    resolve_handle::resolve_handle, resolve_identity::resolve_identity,
    sign_plc_operation::sign_plc_operation, submit_plc_operation::submit_plc_operation,
    update_handle::update_handle,
};

/// The methods of this namespace.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        query("com.atproto.identity.resolveHandle", ANYONE, resolve_handle),
        query("com.atproto.identity.resolveDid", ANYONE, resolve_did),
        query("com.atproto.identity.resolveIdentity", ANYONE, resolve_identity),
        procedure("com.atproto.identity.refreshIdentity", SESSION, refresh_identity)
            .oauth(OAuthPolicy::Any)
            .limits(&[Bucket::RefreshIdentity]),
        procedure("com.atproto.identity.updateHandle", SESSION.not_takendown(), update_handle)
            .oauth(OAuthPolicy::Identity(IdentityAttr::Handle))
            .limits(&[Bucket::UpdateHandle]),
        query(
            "com.atproto.identity.getRecommendedDidCredentials",
            SESSION,
            get_recommended_did_credentials,
        )
        .oauth(OAuthPolicy::Any),
        procedure(
            "com.atproto.identity.requestPlcOperationSignature",
            FULL_SESSION.or_takendown(),
            request_plc_operation_signature,
        )
        .oauth(OAuthPolicy::Identity(IdentityAttr::Any))
        .limits(&[Bucket::RequestPlcOperation]),
        procedure(
            "com.atproto.identity.signPlcOperation",
            FULL_SESSION.or_takendown(),
            sign_plc_operation,
        )
        .oauth(OAuthPolicy::Identity(IdentityAttr::Any)),
        procedure("com.atproto.identity.submitPlcOperation", SESSION, submit_plc_operation)
            .oauth(OAuthPolicy::Identity(IdentityAttr::Any))
            .limits(&[Bucket::Announce]),
    ]
}
