//! did:web identities of this server: `did:web:HANDLE` for handles under its own domains.
//!
//! The document of a did:web stands at its host name, and the host names under a handle domain all lead here, so this
//! server writes the document: from the account, at each request. Spec: <https://w3c-ccg.github.io/did-method-web/>.
//!
//! What makes that safe:
//!
//! - Whoever has the name has the DID. So the DID of a name goes to whoever takes that very name at sign-up, under the rules
//!   for names, and there is nothing else to prove: nobody but this server could have spoken for it.
//! - The name stays with the DID. When its owner changes the handle, no other account gets the name: its host would answer
//!   for two.
//! - A DID is never given out again, not even after its account was deleted: posts and followers of the first owner would
//!   be the second one's.
//! - Such a DID is not brought along from elsewhere, and it cannot leave: the operator decides whether to offer it
//!   (`hosted_did_web`), and keeps the domain for as long as the accounts live.

use std::collections::BTreeMap;
use std::sync::Arc;

use cairn_identity::plc::{PlcData, PlcService};
use cairn_identity::{DidDocument, LocalDocuments};
use cairn_model::{Did, Handle};
use cairn_store::{Account, Store};

use super::handle_policy::{self, Domain};
use crate::App;
use crate::error::XrpcError;

/// Whether this server, and nobody else, keeps the document of a DID.
pub fn is_hosted(did: &Did, domains: &[String]) -> bool {
    did.method() == "web"
        && Handle::parse(did.method_specific_id())
            .is_ok_and(|host| handle_policy::domain_of(&host, domains) == Domain::Own)
}

/// Whether somebody who signs up with this handle may have this hosted DID.
///
/// # Errors
/// 400 where such DIDs are not offered, and for the DID of another name.
pub fn require_offered(app: &App, did: &Did, handle: &str) -> Result<(), XrpcError> {
    if !app.config.hosted_did_web {
        return Err(XrpcError::invalid_request("This server does not offer did:web identities"));
    }
    // Handles are compared in lower case, DIDs as they are: there must be one DID for each name.
    let is_of_handle =
        Handle::parse(handle).is_ok_and(|handle| did.method_specific_id() == handle.as_str());
    if !is_of_handle || *did == app.config.service_did {
        return Err(XrpcError::invalid_request("The DID must be did:web: and the handle"));
    }
    Ok(())
}

/// The account whose DID is the did:web of a name under this server's domains, whatever its handle is by now.
///
/// # Errors
/// As the store's.
pub async fn owner_of(app: &App, name: &Handle) -> Result<Option<Arc<Account>>, XrpcError> {
    let did = Did::parse(&format!("did:web:{name}"));
    let Ok(did) = did else { return Ok(None) };
    if !is_hosted(&did, &app.config.handle_domains) {
        return Ok(None);
    }
    Ok(app.store.account(did).await?)
}

/// The document of a hosted account, active or not; none without the account.
///
/// # Errors
/// As the store's; 500 for an account without a key.
pub async fn document(
    store: &Store,
    public_url: &str,
    did: &Did,
) -> Result<Option<DidDocument>, XrpcError> {
    let Some(account) = store.account(did).await? else { return Ok(None) };
    // An account that is deleted meanwhile has neither.
    let Some(key) = store.signing_key(did).await? else { return Ok(None) };
    let pds = PlcService {
        kind: "AtprotoPersonalDataServer".to_owned(),
        endpoint: public_url.to_owned(),
    };
    let data = PlcData {
        did: did.clone(),
        rotation_keys: Vec::new(),
        verification_methods: BTreeMap::from([("atproto".to_owned(), key.did_key().to_string())]),
        also_known_as: account.handle.iter().map(|handle| format!("at://{handle}")).collect(),
        services: BTreeMap::from([("atproto_pds".to_owned(), pds)]),
    };
    data.to_document().map(Some).map_err(XrpcError::internal)
}

/// The documents of this server's own accounts, for its resolver: it need not ask itself over the network.
pub fn local_documents(store: Store, domains: &[String], public_url: &str) -> LocalDocuments {
    let (domains, public_url): (Arc<[String]>, Arc<str>) = (domains.into(), public_url.into());
    Arc::new(move |did| {
        let (store, domains, public_url) =
            (store.clone(), Arc::clone(&domains), Arc::clone(&public_url));
        Box::pin(async move {
            if !is_hosted(&did, &domains) {
                return None;
            }
            let found = document(&store, &public_url, &did).await;
            found.unwrap_or_else(|error| {
                tracing::error!(%did, %error, "the document of an account cannot be written");
                None
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosted_are_the_dids_of_names_under_the_own_domains() {
        let domains = [".pds.test".to_owned()];
        for (did, hosted) in [
            ("did:web:alice.pds.test", true),
            ("did:web:pds.test", false),
            ("did:web:alice.example.com", false),
            ("did:web:alicepds.test", false),
            ("did:web:alice.pds.test:path", false),
            ("did:web:alice.pds.test%3A8080", false),
            ("did:plc:ewvi7nxzyoun6zhxrhs64oiz", false),
        ] {
            assert_eq!(is_hosted(&Did::parse(did).unwrap(), &domains), hosted, "{did}");
        }
    }
}
