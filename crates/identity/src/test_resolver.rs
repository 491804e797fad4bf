//! A resolver that knows what it was told: for tests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cairn_model::{Did, Handle, Nsid};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, future};

use crate::did_document::DidDocument;
use crate::resolver::{HandleSources, ResolveError, Resolver};

/// A resolver over two maps. A document that was replaced is seen upon a refresh only, as behind a cache.
#[derive(Debug, Default)]
pub struct TestResolver(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    documents: HashMap<Did, Arc<DidDocument>>,
    cached: HashMap<Did, Arc<DidDocument>>,
    handles: HashMap<Handle, Did>,
    lexicon_authorities: HashMap<String, Did>,
    refreshes: usize,
}

impl TestResolver {
    /// A resolver that knows nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the document of a DID.
    pub fn set_document(&self, document: DidDocument) {
        self.lock().documents.insert(document.id.clone(), Arc::new(document));
    }

    /// Sets what a handle names.
    pub fn set_handle(&self, handle: Handle, did: Did) {
        self.lock().handles.insert(handle, did);
    }

    /// Sets whose the lexicons of a domain are.
    pub fn set_lexicon_authority(&self, domain: &str, did: Did) {
        self.lock().lexicon_authorities.insert(domain.to_owned(), did);
    }

    /// How often a refresh was asked for.
    #[must_use]
    pub fn refreshes(&self) -> usize {
        self.lock().refreshes
    }

    fn find(&self, did: &Did, refresh: bool) -> Result<Arc<DidDocument>, ResolveError> {
        let mut known = self.lock();
        if refresh {
            known.refreshes += 1;
        } else if let Some(cached) = known.cached.get(did) {
            return Ok(Arc::clone(cached));
        }
        let document = known.documents.get(did).cloned().ok_or(ResolveError::NotFound)?;
        known.cached.insert(did.clone(), Arc::clone(&document));
        Ok(document)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver for TestResolver {
    fn did<'a>(
        &'a self,
        did: &'a Did,
        refresh: bool,
    ) -> BoxFuture<'a, Result<Arc<DidDocument>, ResolveError>> {
        future::ready(self.find(did, refresh)).boxed()
    }

    fn handle<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, Result<Did, ResolveError>> {
        let found = self.lock().handles.get(handle).cloned();
        future::ready(found.ok_or(ResolveError::NotFound)).boxed()
    }

    fn handle_sources<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, HandleSources> {
        let found = self.lock().handles.get(handle).cloned();
        future::ready(HandleSources { dns: Ok(found), well_known: Ok(None) }).boxed()
    }

    fn lexicon_authority<'a>(&'a self, nsid: &'a Nsid) -> BoxFuture<'a, Result<Did, ResolveError>> {
        let found = self.lock().lexicon_authorities.get(&nsid.authority_domain()).cloned();
        future::ready(found.ok_or(ResolveError::NotFound)).boxed()
    }
}
