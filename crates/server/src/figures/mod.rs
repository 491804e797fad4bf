//! What the server has done and what it takes, in numbers: for `/metrics` and for the charts of the console.
//!
//! Counters are single atomic numbers that the paths of requests add to; [`sample`] reads them, with what the system says, every
//! few seconds into [`Samples`]. All of it is in memory and begins anew with the process.

mod counters;
mod gauges;
mod samples;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

pub(crate) use counters::{Class, Counters, LATENCIES, Outcome};
pub(crate) use gauges::{Gauges, gauges};
pub(crate) use samples::{Sample, Samples, Span};

use crate::app::App;

/// How often the numbers are looked at.
pub(crate) const PERIOD: Duration = Duration::from_secs(10);

/// All numbers.
pub struct Figures {
    pub(crate) counters: Counters,
    samples: Mutex<Samples>,
    /// When counting began, in seconds since 1970.
    began: i64,
}

impl Figures {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { counters: Counters::default(), samples: Mutex::default(), began: now.as_second() }
    }

    /// The samples of a span, the oldest first, and one of now. Before anything was counted, all was at zero.
    pub(crate) fn over(&self, span: Span, now: Sample) -> Vec<Sample> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner).over(span, now);
        let is_within = self.began >= now.at.saturating_sub(span.seconds()) && self.began < now.at;
        let zero = is_within.then(|| Sample { at: self.began, ..now.at_zero() });
        zero.into_iter().chain(samples).collect()
    }

    pub(crate) fn keep(&self, sample: Sample) {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).keep(sample);
    }
}

/// The numbers of this moment. Reads a few files of the system's, which are in memory.
pub(crate) fn sample(app: &App, now: Timestamp) -> Sample {
    let counters = &app.figures.counters;
    let events = app.store.events().counts();
    let Gauges { memory_bytes, disk, .. } = gauges(app);
    Sample {
        at: now.as_second(),
        events: events.events,
        commits: events.commits,
        methods: counters.requests_of(&[Class::Query, Class::Procedure, Class::Subscription]),
        proxied: counters.requests_of(&[Class::Proxied]),
        others: counters.requests_of(&[Class::Page, Class::Route]),
        client_errors: counters.requests_ending(Outcome::ClientError),
        server_errors: counters.requests_ending(Outcome::ServerError),
        sign_ins: counters.sign_ins.get(),
        wrong_passwords: counters.wrong_passwords.get(),
        upload_bytes: counters.upload_bytes.get(),
        subscribers: u64::try_from(app.subscribers.count()).unwrap_or(u64::MAX),
        memory_bytes: memory_bytes.unwrap_or(0),
        database_bytes: disk.map_or(0, |disk| disk.database_bytes),
        log_bytes: disk.map_or(0, |disk| disk.log_bytes),
        free_bytes: disk.map_or(0, |disk| disk.free_bytes),
    }
}
