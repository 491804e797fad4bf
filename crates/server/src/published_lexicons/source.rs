//! Where published lexicons come from: DNS names the DID of the authority, and its repository holds the record, here or
//! on another host, which then has to prove it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cairn_identity::{DidDocument, FetchRequest, GuardedClient, ResolveError, Resolver};
use cairn_model::{Did, Nsid, RepoPath};
use cairn_repo::verify::{VerifyError, read_record_proof};
use cairn_store::{Account, AccountStatus, Store};
use url::Url;

use super::error::PublishedLexiconError;
use super::lexicon::MAX_RECORD_BYTES;

pub(super) const COLLECTION: &str = "com.atproto.lexicon.schema";

/// The record and the tree's nodes above it: deep trees have some ten nodes of a few KiB.
const MAX_PROOF_BYTES: usize = MAX_RECORD_BYTES + 384 * 1024;
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Source {
    pub(super) store: Store,
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) http: GuardedClient,
    /// Whose all lexicons are, instead of what DNS says.
    pub(super) authority: Option<Did>,
}

/// A record as it was found and verified.
pub(super) struct Found {
    pub(super) did: Did,
    pub(super) record: Bytes,
}

impl Source {
    pub(super) async fn find(&self, nsid: &Nsid) -> Result<Found, PublishedLexiconError> {
        let did = self.authority(nsid).await?;
        let path = RepoPath::parse(&format!("{COLLECTION}/{nsid}"))
            .expect("every nsid is a record key as well");
        let record = match self.store.account(&did).await? {
            // The repository of a deactivated account may go on elsewhere.
            Some(account) if account.status() != AccountStatus::Deactivated => {
                self.own_record(&account, &path).await?
            }
            _ => self.proven_record(&did, &path).await?,
        };
        Ok(Found { did, record })
    }

    async fn authority(&self, nsid: &Nsid) -> Result<Did, PublishedLexiconError> {
        if let Some(did) = &self.authority {
            return Ok(did.clone());
        }
        self.resolver.lexicon_authority(nsid).await.map_err(|source| {
            let domain = nsid.authority_domain();
            match source {
                ResolveError::NotFound => PublishedLexiconError::NoAuthority { domain },
                source => PublishedLexiconError::Authority { domain, source },
            }
        })
    }

    async fn own_record(
        &self,
        account: &Account,
        path: &RepoPath,
    ) -> Result<Bytes, PublishedLexiconError> {
        let uri = || crate::records::uri(&account.did, path);
        if !account.is_active() {
            return Err(PublishedLexiconError::TakenDown { uri: uri() });
        }
        match self.store.record(account.id, path).await? {
            None => Err(PublishedLexiconError::NoRecord { uri: uri() }),
            Some(record) if record.takedown_ref.is_some() => {
                Err(PublishedLexiconError::TakenDown { uri: uri() })
            }
            Some(record) => Ok(record.bytes),
        }
    }

    /// Asks the host that the DID document names; once more if the document turns out to have changed since it was
    /// looked up last, because keys rotate and accounts move.
    async fn proven_record(
        &self,
        did: &Did,
        path: &RepoPath,
    ) -> Result<Bytes, PublishedLexiconError> {
        let document = self.document(did, false).await?;
        let first = self.prove(&document, path).await;
        if !first.as_ref().is_err_and(may_be_outdated) {
            return first;
        }
        let renewed = self.document(did, true).await?;
        if renewed == document { first } else { self.prove(&renewed, path).await }
    }

    async fn document(
        &self,
        did: &Did,
        refresh: bool,
    ) -> Result<Arc<DidDocument>, PublishedLexiconError> {
        self.resolver
            .did(did, refresh)
            .await
            .map_err(|source| PublishedLexiconError::Identity { did: did.clone(), source })
    }

    async fn prove(
        &self,
        document: &DidDocument,
        path: &RepoPath,
    ) -> Result<Bytes, PublishedLexiconError> {
        let did = &document.id;
        let pds = document.pds_endpoint().and_then(|pds| Url::parse(&pds).ok());
        let mut url = pds.ok_or_else(|| PublishedLexiconError::NoPds { did: did.clone() })?;
        let key = document.signing_key();
        let key = key.ok_or_else(|| PublishedLexiconError::NoKey { did: did.clone() })?;
        url.set_path("/xrpc/com.atproto.sync.getRecord");
        url.query_pairs_mut()
            .append_pair("did", did.as_str())
            .append_pair("collection", path.collection())
            .append_pair("rkey", path.rkey());
        let request = FetchRequest::get(url).timeout(FETCH_TIMEOUT).max_bytes(MAX_PROOF_BYTES);
        let response = self.http.fetch(request).await.map_err(|source| {
            PublishedLexiconError::Fetch { did: did.clone(), source: Arc::new(source) }
        })?;
        if !response.status.is_success() {
            let status = response.status.as_u16();
            return Err(PublishedLexiconError::Status { did: did.clone(), status });
        }
        let check = |bytes: &[u8], signature: &[u8]| key.verify_strict(bytes, signature).is_ok();
        let proof = read_record_proof(&response.body, did, path, check).map_err(|source| {
            PublishedLexiconError::Proof { did: did.clone(), source: Arc::new(source) }
        })?;
        let uri = || crate::records::uri(did, path);
        proof
            .record
            .map(|(_, bytes)| bytes)
            .ok_or_else(|| PublishedLexiconError::NoRecord { uri: uri() })
    }
}

/// Whether another DID document could make the difference.
fn may_be_outdated(err: &PublishedLexiconError) -> bool {
    match err {
        PublishedLexiconError::Proof { source, .. } => matches!(**source, VerifyError::Signature),
        PublishedLexiconError::Fetch { .. }
        | PublishedLexiconError::Status { .. }
        | PublishedLexiconError::NoPds { .. }
        | PublishedLexiconError::NoKey { .. } => true,
        _ => false,
    }
}
