//! What the records of a collection are validated against: its lexicon, and what that refers to, within bounds.

use std::sync::Arc;

use cairn_lexicon::{Gathering, LexiconDoc, Lexicons};
use cairn_model::Nsid;
use futures_util::future::join_all;

use super::error::PublishedLexiconError;
use super::lexicon::ResolvedLexicon;
use super::memory::{RETRY, RecordLexicons, age};
use super::{Asker, FRESH, PublishedLexicons};

/// Documents that one record type may draw on. The largest of Bluesky's own draw on ten.
const MAX_DOCUMENTS: usize = 32;
/// Of these documents together, encoded.
const MAX_BYTES: usize = 512 * 1024;
/// How far references are followed from document to document.
const MAX_ROUNDS: usize = 6;

/// What is at hand for a collection without asking the network.
pub(crate) enum AtHand {
    /// Everything, and fresh.
    Whole(Arc<Lexicons>),
    /// Enough to go by; [`PublishedLexicons::renew`] may bring more.
    Usable(Arc<Lexicons>),
    /// The network was asked a moment ago.
    Failed(PublishedLexiconError),
    /// Nobody has asked yet.
    Nothing,
}

/// Where documents may come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Cache,
    Network,
}

impl PublishedLexicons {
    /// The lexicons that the records of a collection are validated against.
    ///
    /// # Errors
    /// If the collection's own lexicon does not resolve, or is not that of a record. References that lead nowhere fail
    /// where a record uses them.
    pub(crate) async fn for_records(
        &self,
        collection: &Nsid,
    ) -> Result<Arc<Lexicons>, PublishedLexiconError> {
        if let Some(set) = self.current(collection) {
            return Ok(set);
        }
        self.make(collection).await
    }

    async fn make(&self, collection: &Nsid) -> Result<Arc<Lexicons>, PublishedLexiconError> {
        match self.gather(collection, Reach::Network).await? {
            Some(set) => Ok(self.keep(collection, set)),
            None => Err(PublishedLexiconError::NotARecord),
        }
    }

    /// What is at hand of them.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn at_hand(&self, collection: &Nsid) -> Result<AtHand, PublishedLexiconError> {
        if let Some(set) = self.current(collection) {
            return Ok(AtHand::Whole(set));
        }
        if let Some(held) = self.0.memory.record(collection) {
            return Ok(AtHand::Usable(held.lexicons));
        }
        match self.gather(collection, Reach::Cache).await {
            Ok(Some(set)) if set.whole => Ok(AtHand::Usable(self.keep(collection, set))),
            // The network may have the rest, so this is not for the next one.
            Ok(Some(set)) => Ok(AtHand::Usable(set.lexicons)),
            Ok(None) => Ok(AtHand::Nothing),
            Err(err) if err.is_own() => Err(err),
            Err(err) => Ok(AtHand::Failed(err)),
        }
    }

    /// Makes them anew in the background.
    pub(crate) fn renew(&self, collection: &Nsid) {
        if self.0.gatherings.running() >= super::MAX_WAITING {
            return;
        }
        let (lexicons, own) = (self.clone(), collection.clone());
        let running = self.0.tasks.token();
        drop(self.0.gatherings.join(collection, async move {
            let _running = running;
            let stopping = lexicons.0.stopping.clone();
            tokio::select! {
                () = stopping.cancelled() => {}
                result = lexicons.make(&own) => {
                    if let Err(err) = result {
                        tracing::debug!(collection = %own, %err, "no lexicon for a collection");
                    }
                }
            }
        }));
    }

    /// The set that is held, if nothing speaks for making it anew.
    fn current(&self, collection: &Nsid) -> Option<Arc<Lexicons>> {
        let held = self.0.memory.record(collection)?;
        let lasts = if held.whole { FRESH } else { RETRY };
        (age(held.gathered_at, self.0.clock.now()) <= lasts).then_some(held.lexicons)
    }

    fn keep(&self, collection: &Nsid, set: RecordLexicons) -> Arc<Lexicons> {
        let lexicons = Arc::clone(&set.lexicons);
        self.0.memory.hold_record(collection, set);
        lexicons
    }

    /// `None` if the collection's own lexicon is not within reach.
    async fn gather(
        &self,
        collection: &Nsid,
        reach: Reach,
    ) -> Result<Option<RecordLexicons>, PublishedLexiconError> {
        let Some(root) = self.reach(collection, reach).await? else { return Ok(None) };
        let mut size_bytes = root.size_bytes;
        let mut room = MAX_DOCUMENTS - 1;
        let document = compile(root).await?;
        let mut gathering = Gathering::start(document).ok_or(PublishedLexiconError::NotARecord)?;
        let mut whole = true;
        for _ in 0..MAX_ROUNDS {
            let wanted: Vec<Nsid> = gathering.wanted().into_iter().take(room).collect();
            if wanted.is_empty() {
                break;
            }
            room -= wanted.len();
            let found = join_all(wanted.iter().map(|nsid| self.reach(nsid, reach))).await;
            for (nsid, found) in wanted.iter().zip(found) {
                match found {
                    Ok(Some(lexicon)) if size_bytes + lexicon.size_bytes <= MAX_BYTES => {
                        size_bytes += lexicon.size_bytes;
                        gathering.add(compile(lexicon).await?);
                    }
                    Err(err) if err.is_own() => return Err(err),
                    _ => {
                        whole = false;
                        gathering.give_up(nsid);
                    }
                }
            }
        }
        whole &= gathering.wanted().is_empty();
        let lexicons = Arc::new(gathering.finish());
        let gathered_at = self.0.clock.now();
        Ok(Some(RecordLexicons { lexicons, whole, gathered_at, size_bytes }))
    }

    async fn reach(
        &self,
        nsid: &Nsid,
        reach: Reach,
    ) -> Result<Option<Arc<ResolvedLexicon>>, PublishedLexiconError> {
        match reach {
            Reach::Cache => self.cached(nsid).await,
            Reach::Network => self.resolve(nsid, Asker::Account).await.map(Some),
        }
    }
}

/// Compiles a document off the async threads: the largest take tens of milliseconds.
async fn compile(lexicon: Arc<ResolvedLexicon>) -> Result<LexiconDoc, PublishedLexiconError> {
    let compiling = tokio::task::spawn_blocking(move || lexicon.document());
    compiling.await.unwrap_or(Err(PublishedLexiconError::ShutDown))
}
