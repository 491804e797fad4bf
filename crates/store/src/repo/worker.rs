//! Workers: the threads that turn requests into commits.
//!
//! An account's requests always go to the same worker, so its commits are ordered without a lock.
//! The worker keeps the hot path of the trees of its active repositories and builds a commit on the
//! one before without waiting for that to be durable. Nodes of commits that are on their way to the
//! disk are always in the tree: it is only pruned when all of them have arrived, so what it reads
//! from the rows is never older than what it needs.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cairn_identity::Clock;
use cairn_model::Did;
use lru::LruCache;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::build::{self, Warm};
use super::commit::{CommitJob, Confirm, Failure, Prepared, Reply};
use super::write::{WriteError, WriteOutcome, WriteRequest};
use crate::accounts::Quotas;
use crate::config::StoreConfig;
use crate::db::connection::Opener;
use crate::db::{Job, Writer};
use crate::error::{OpenError, StoreError};
use crate::seal::MasterKey;
use crate::store::Store;
use crate::threads::Threads;

/// Requests that may wait for one worker; a caller waits when there are more.
const QUEUE: usize = 1024;

/// How often a request is built anew when something else moved the repository meanwhile.
const ATTEMPTS: usize = 16;

/// Hands requests to the workers.
pub(crate) struct Repos {
    workers: Vec<mpsc::Sender<Item>>,
    hash: RandomState,
}

enum Item {
    Write(Arc<WriteRequest>, Reply),
    Stop,
}

impl Repos {
    pub(crate) fn start(
        threads: &Threads,
        config: &StoreConfig,
        opener: &Opener,
        writer: &Writer,
        master_key: &Arc<MasterKey>,
    ) -> Result<Repos, OpenError> {
        let mut workers = Vec::new();
        let mut handles = Vec::new();
        for number in 0..config.workers.max(1) {
            let (sender, queue) = mpsc::channel(QUEUE);
            let worker = Worker {
                conn: opener.reader()?,
                writer: writer.clone(),
                clock: Arc::clone(&config.clock),
                master_key: Arc::clone(master_key),
                clock_id: u16::from_le_bytes(cairn_identity::random_bytes()),
                default_quotas: config.quotas,
                warm: LruCache::new(
                    NonZeroUsize::new(config.tuning.warm_repos).unwrap_or(NonZeroUsize::MIN),
                ),
                warm_nodes: config.tuning.warm_nodes,
            };
            let handle = std::thread::Builder::new()
                .name(format!("cairn-repo-{number}"))
                .spawn(move || worker.run(queue))
                .map_err(StoreError::from)?;
            workers.push(sender);
            handles.push(handle);
        }
        let stopping = workers.clone();
        threads.add(handles, move || stopping.iter().for_each(stop));
        Ok(Repos { workers, hash: RandomState::new() })
    }

    async fn write(&self, request: WriteRequest) -> Result<WriteOutcome, WriteError> {
        let request = Arc::new(request);
        let slot = self.hash.hash_one(&request.account) % self.workers.len() as u64;
        let worker = usize::try_from(slot).ok().and_then(|slot| self.workers.get(slot));
        let worker = worker.ok_or(StoreError::Closed)?;
        for _ in 0..ATTEMPTS {
            let (reply, result) = oneshot::channel();
            let item = Item::Write(Arc::clone(&request), reply);
            worker.send(item).await.map_err(|_| StoreError::Closed)?;
            match result.await.map_err(|_| StoreError::Defect)? {
                Ok(outcome) => return Ok(outcome),
                Err(Failure::Refused(err)) => return Err(err),
                Err(Failure::Stale) => {}
            }
        }
        Err(StoreError::Contended.into())
    }
}

impl Store {
    /// Applies writes to an account's repository as one commit, and returns when the commit and its
    /// event are durable.
    ///
    /// Concurrent requests for one account each get a commit of their own, on top of the last.
    pub async fn write(&self, request: WriteRequest) -> Result<WriteOutcome, WriteError> {
        self.repos().write(request).await
    }
}

/// Ends a worker after what is queued. Called from a thread that may block, or from the drop of the
/// last clone of the store, where async code may be waiting: then the queue has room, for nobody
/// sends any more.
fn stop(worker: &mpsc::Sender<Item>) {
    while let Err(mpsc::error::TrySendError::Full(_)) = worker.try_send(Item::Stop) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

struct Worker {
    conn: Connection,
    writer: Writer,
    clock: Arc<dyn Clock>,
    master_key: Arc<MasterKey>,
    clock_id: u16,
    default_quotas: Quotas,
    warm: LruCache<Did, Warm>,
    warm_nodes: usize,
}

impl Worker {
    fn run(mut self, mut queue: mpsc::Receiver<Item>) {
        while let Some(item) = queue.blocking_recv() {
            match item {
                Item::Write(request, reply) => {
                    // A caller that has gone away before the work began wants nothing.
                    if !reply.is_closed() {
                        self.guard(&request, reply);
                    }
                }
                Item::Stop => queue.close(),
            }
        }
    }

    /// A panic costs the request and what is in memory of its repository, nothing else.
    fn guard(&mut self, request: &WriteRequest, reply: Reply) {
        let handled = catch_unwind(AssertUnwindSafe(|| self.handle(request, reply)));
        if handled.is_err()
            && let Some(warm) = self.warm.pop(&request.account)
        {
            warm.chain.wait();
        }
    }

    fn handle(&mut self, request: &WriteRequest, reply: Reply) {
        let result = match self.build(request) {
            Ok(Built::Commit(prepared)) => return self.store(&request.account, *prepared, reply),
            Ok(Built::Nothing(outcome)) => Ok(outcome),
            Err(failure) => Err(failure),
        };
        let Some(warm) = self.warm.peek(&request.account) else { return answer(reply, result) };
        let (chain, basis) = (Arc::clone(&warm.chain), warm.basis());
        // No commit will show whether the state in memory is still the stored one, so it is looked
        // at. While commits are on their way, the place to look is behind them.
        if !chain.is_settled() {
            let stands = Ok(false);
            return self.send(Box::new(Confirm { chain, basis, stands, result, reply }));
        }
        match basis.stands(&self.conn) {
            Ok(true) => answer(reply, result),
            Ok(false) => {
                chain.poison();
                answer(reply, Err(Failure::Stale));
            }
            Err(err) => answer(reply, Err(err.into())),
        }
    }

    fn store(&self, account: &Did, prepared: Prepared, reply: Reply) {
        let Some(warm) = self.warm.peek(account) else {
            return answer(reply, Err(StoreError::Closed.into()));
        };
        let (place, default_quotas) = (warm.chain.place(), self.default_quotas);
        let refused = None;
        self.send(Box::new(CommitJob { prepared, default_quotas, place, reply, refused }));
    }

    fn send(&self, job: Box<dyn Job>) {
        if let Err(job) = self.writer.send_blocking(job) {
            job.answer(Err(StoreError::Closed));
        }
    }

    fn build(&mut self, request: &WriteRequest) -> Result<Built, Failure> {
        let is_fresh = self.warm_up(&request.account)?;
        let Some(warm) = self.warm.peek(&request.account) else { return Err(Failure::Stale) };
        let basis = warm.basis();
        match self.build_warm(request) {
            // What was read a moment ago does not fit together, and nothing has changed it since.
            Err(Failure::Stale) if is_fresh && basis.stands(&self.conn)? => {
                Err(StoreError::Damaged { what: "tree" }.into())
            }
            built => built,
        }
    }

    fn build_warm(&mut self, request: &WriteRequest) -> Result<Built, Failure> {
        let Some(warm) = self.warm.get_mut(&request.account) else { return Err(Failure::Stale) };
        if let Some(expected) = request.swap_commit
            && expected != warm.head.commit
        {
            return Err(WriteError::InvalidSwapCommit { current: warm.head.commit }.into());
        }
        let effect = warm.plan(&self.conn, request, self.warm_nodes).inspect_err(|failure| {
            if matches!(failure, Failure::Stale) {
                warm.chain_broken = true;
            }
        })?;
        if effect.ops.is_empty() {
            return Ok(Built::Nothing(WriteOutcome { commit: None, results: effect.results }));
        }
        build::check_blobs(&self.conn, warm.account, &effect.records)?;
        let prepared = warm.commit(&self.conn, self.clock.now(), self.clock_id, effect);
        if prepared.is_err() {
            // The tree may be half changed.
            warm.chain_broken = true;
        }
        Ok(Built::Commit(Box::new(prepared?)))
    }

    /// Makes sure that the repository is in memory as it will be once all commits on their way are
    /// durable. Returns whether it was read just now.
    fn warm_up(&mut self, did: &Did) -> Result<bool, Failure> {
        if let Some(warm) = self.warm.get(did) {
            if !warm.chain_broken && !warm.chain.is_poisoned() {
                return Ok(false);
            }
            warm.chain.wait();
            self.warm.pop(did);
        }
        let warm = Warm::load(&self.conn, did, &self.master_key)?;
        if let Some((_, evicted)) = self.warm.push(did.clone(), warm) {
            evicted.chain.wait();
        }
        Ok(true)
    }
}

enum Built {
    Commit(Box<Prepared>),
    /// There is nothing to change.
    Nothing(WriteOutcome),
}

fn answer(reply: Reply, result: Result<WriteOutcome, Failure>) {
    // The caller may have gone away.
    let _ = reply.send(result);
}
