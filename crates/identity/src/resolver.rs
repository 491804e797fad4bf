//! Resolving DIDs to documents and handles to DIDs.

use std::sync::Arc;

use cairn_model::{Did, Handle, Nsid};
use futures_util::future::BoxFuture;

use crate::did_document::{DidDocument, DidDocumentError};
use crate::did_web::DidWebError;
use crate::dns::DnsError;
use crate::fetch::FetchError;
use crate::plc_client::PlcClientError;

/// Why a DID or a handle does not resolve. Cheap to clone: one failure answers everybody who waited for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ResolveError {
    /// No document, or no DID for the handle, and a sure answer.
    #[error("not found")]
    NotFound,
    /// The DID was ended by its owner.
    #[error("did has been deactivated")]
    Deactivated,
    /// A DID method other than `plc` and `web`.
    #[error("did method is not supported")]
    UnsupportedMethod,
    /// A did:web that the protocol does not allow.
    #[error(transparent)]
    DidWeb(#[from] DidWebError),
    /// The document cannot be used.
    #[error(transparent)]
    Document(Arc<DidDocumentError>),
    /// The did:plc directory failed.
    #[error(transparent)]
    Directory(Arc<PlcClientError>),
    /// A host could not be asked.
    #[error(transparent)]
    Fetch(Arc<FetchError>),
    /// A host answered with an error.
    #[error("host answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// The handle's records contradict each other or name no DID.
    #[error(transparent)]
    Dns(Arc<DnsError>),
    /// The handle's well-known document names no DID.
    #[error("well-known document does not name a did")]
    NotADid,
    /// Too many look-ups wait for their turn.
    #[error("too many look-ups wait")]
    Busy,
    /// Look-ups end with the server.
    #[error("resolver was shut down")]
    ShutDown,
}

impl ResolveError {
    /// Whether another try later may well succeed: the network or a remote server failed, not the identity.
    #[must_use]
    pub fn is_upstream(&self) -> bool {
        match self {
            Self::Directory(error) => error.is_upstream(),
            Self::Fetch(_) | Self::Busy | Self::ShutDown => true,
            Self::Status { status } => *status >= 500,
            Self::Dns(error) => matches!(**error, DnsError::Lookup(_) | DnsError::Setup(_)),
            Self::NotFound
            | Self::Deactivated
            | Self::UnsupportedMethod
            | Self::DidWeb(_)
            | Self::Document(_)
            | Self::NotADid => false,
        }
    }
}

impl From<FetchError> for ResolveError {
    fn from(error: FetchError) -> Self {
        Self::Fetch(Arc::new(error))
    }
}

impl From<DidDocumentError> for ResolveError {
    fn from(error: DidDocumentError) -> Self {
        Self::Document(Arc::new(error))
    }
}

impl From<DnsError> for ResolveError {
    fn from(error: DnsError) -> Self {
        Self::Dns(Arc::new(error))
    }
}

impl From<PlcClientError> for ResolveError {
    fn from(error: PlcClientError) -> Self {
        if error.is_deactivated() {
            return Self::Deactivated;
        }
        if error.is_not_found() { Self::NotFound } else { Self::Directory(Arc::new(error)) }
    }
}

/// What the two places say in which a handle can name a DID. `Ok(None)`: nothing is there.
#[derive(Clone, Debug)]
pub struct HandleSources {
    /// The TXT record.
    pub dns: Result<Option<Did>, ResolveError>,
    /// The file on the web server.
    pub well_known: Result<Option<Did>, ResolveError>,
}

impl HandleSources {
    /// The DID that the handle resolves to: the record's, or without a record the file's.
    #[must_use]
    pub fn did(&self) -> Option<&Did> {
        match &self.dns {
            Ok(Some(did)) => Some(did),
            Err(error) if !error.is_upstream() => None,
            Ok(None) | Err(_) => self.well_known.as_ref().ok()?.as_ref(),
        }
    }
}

/// Resolves identities. The server has one; tests have their own.
pub trait Resolver: Send + Sync {
    /// The DID's document. `refresh` passes every cache by.
    fn did<'a>(
        &'a self,
        did: &'a Did,
        refresh: bool,
    ) -> BoxFuture<'a, Result<Arc<DidDocument>, ResolveError>>;

    /// The DID that the handle names. Says nothing about whether the DID names the handle.
    fn handle<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, Result<Did, ResolveError>>;

    /// Like [`Resolver::handle`], but passes every cache by: for a handle that its owner has just set up.
    fn handle_fresh<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, Result<Did, ResolveError>> {
        self.handle(handle)
    }

    /// Both places where the owner of a handle's domain can name a DID, asked past every cache: for somebody who is just
    /// setting one up.
    fn handle_sources<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, HandleSources>;

    /// The DID whose repository has the published lexicons of the NSID's authority. The domain itself is asked for, never
    /// one above it, and nothing is cached. <https://atproto.com/specs/lexicon#lexicon-publication-and-resolution>
    fn lexicon_authority<'a>(&'a self, nsid: &'a Nsid) -> BoxFuture<'a, Result<Did, ResolveError>>;
}
