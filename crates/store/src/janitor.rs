//! What goes on in the background: old events and dead generations of repositories are removed, in
//! chunks so small that nobody who writes notices.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cairn_identity::Clock;
use jiff::SignedDuration;

use crate::config::StoreConfig;
use crate::db::Writer;
use crate::error::{OpenError, StoreError};
use crate::events::EventLog;
use crate::events::table::{self, Purge};
use crate::repo::generations;
use crate::store::Store;
use crate::threads::Threads;

/// How often the janitor looks for work that nobody told it of.
const PERIOD: Duration = Duration::from_secs(60);

/// Pause between two chunks, so that a long removal does not fill the writer's time.
const PAUSE: Duration = Duration::from_millis(5);

/// Events in one chunk.
const EVENTS: u32 = 500;

/// Wakes the janitor.
#[derive(Clone)]
pub(crate) struct Janitor {
    wake: Arc<Mutex<Option<SyncSender<()>>>>,
    work: Arc<Work>,
}

impl Store {
    /// Removes at once what the background would remove bit by bit: events beyond their retention,
    /// events of deleted accounts, repositories that were replaced.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let work = Arc::clone(&self.janitor().work);
        tokio::task::spawn_blocking(move || {
            while work.prune_events()? {}
            let mut purge = None;
            while work.purge_events(&mut purge)? {}
            while work.remove_generations()? {}
            Ok(())
        })
        .await
        .map_err(|_| StoreError::Closed)?
    }
}

impl Janitor {
    pub(crate) fn start(
        threads: &Threads,
        config: &StoreConfig,
        writer: &Writer,
        events: &EventLog,
    ) -> Result<Janitor, OpenError> {
        let (wake, woken) = sync_channel(1);
        let wake = Arc::new(Mutex::new(Some(wake)));
        let work = Arc::new(Work {
            writer: writer.clone(),
            events: events.clone(),
            clock: Arc::clone(&config.clock),
            retention: SignedDuration::try_from(config.event_retention)
                .unwrap_or(SignedDuration::MAX),
            stopped: Arc::clone(&wake),
        });
        let janitor = Janitor { wake, work: Arc::clone(&work) };
        let handle = std::thread::Builder::new()
            .name("cairn-janitor".to_owned())
            .spawn(move || work.run(&woken))
            .map_err(StoreError::from)?;
        let stopping = janitor.clone();
        threads.add(vec![handle], move || stopping.stop());
        Ok(janitor)
    }

    /// There is something to remove.
    pub(crate) fn wake(&self) {
        if let Some(wake) = self.wake.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // A wake-up that waits already is enough.
            let _ = wake.try_send(());
        }
    }

    fn stop(&self) {
        self.wake.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

struct Work {
    writer: Writer,
    events: EventLog,
    clock: Arc<dyn Clock>,
    retention: SignedDuration,
    stopped: Arc<Mutex<Option<SyncSender<()>>>>,
}

impl Work {
    fn is_stopped(&self) -> bool {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn run(&self, woken: &Receiver<()>) {
        while !self.is_stopped() {
            self.repeat("old events", || self.prune_events());
            let mut purge = None;
            self.repeat("events of deleted accounts", || self.purge_events(&mut purge));
            self.repeat("dead repositories", || self.remove_generations());
            if woken.recv_timeout(PERIOD) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// Does chunk after chunk while there is more.
    fn repeat(&self, what: &'static str, mut chunk: impl FnMut() -> Result<bool, StoreError>) {
        loop {
            if self.is_stopped() {
                return;
            }
            match chunk() {
                Ok(true) => std::thread::sleep(PAUSE),
                Ok(false) => return,
                Err(StoreError::Closed) => return,
                Err(err) => {
                    tracing::warn!(error = &err as &dyn std::error::Error, what, "cannot remove");
                    return;
                }
            }
        }
    }

    fn prune_events(&self) -> Result<bool, StoreError> {
        let Ok(before) = self.clock.now().checked_sub(self.retention) else { return Ok(false) };
        let before = before.as_microsecond();
        let pruned = self.writer.write_tx_blocking(move |tx| table::prune(tx, before, EVENTS))?;
        let Some(until) = pruned.until else { return Ok(false) };
        self.events.ring.forget(until, pruned.oldest);
        Ok(true)
    }

    /// A step of a pass through the log for all accounts that are hidden as it begins. `pass` is
    /// where it stands.
    fn purge_events(&self, pass: &mut Option<Purge>) -> Result<bool, StoreError> {
        let purge = match pass.take() {
            Some(purge) => purge,
            None => match Purge::of(self.events.ring.hidden()) {
                Some(purge) => purge,
                None => return Ok(false),
            },
        };
        let step = purge.clone();
        let reached = self.writer.write_tx_blocking(move |tx| table::purge(tx, &step))?;
        match reached {
            Some(reached) => *pass = Some(purge.after(reached)),
            None => self.events.ring.unhide(purge.accounts()),
        }
        Ok(true)
    }

    fn remove_generations(&self) -> Result<bool, StoreError> {
        self.writer.write_tx_blocking(|tx| generations::remove_some(tx))
    }
}
