//! Numbers that only grow.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;

/// A number that only grows. Adding costs a few nanoseconds and waits for nobody.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn up(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Query,
    Procedure,
    Subscription,
    /// Methods that other services answer.
    Proxied,
    /// For people.
    Page,
    /// Everything else: documents, OAuth, health.
    Route,
}

impl Class {
    pub(crate) const ALL: [Self; 6] =
        [Self::Query, Self::Procedure, Self::Subscription, Self::Proxied, Self::Page, Self::Route];

    /// As a label.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Procedure => "procedure",
            Self::Subscription => "subscription",
            Self::Proxied => "proxied",
            Self::Page => "page",
            Self::Route => "route",
        }
    }
}

/// How a request ends, by the hundreds of its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 1xx: an upgrade.
    Switched,
    Success,
    Redirect,
    ClientError,
    ServerError,
}

impl Outcome {
    pub(crate) const ALL: [Self; 5] =
        [Self::Switched, Self::Success, Self::Redirect, Self::ClientError, Self::ServerError];

    fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            ..200 => Self::Switched,
            200..300 => Self::Success,
            300..400 => Self::Redirect,
            400..500 => Self::ClientError,
            _ => Self::ServerError,
        }
    }

    /// As a label.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Switched => "1xx",
            Self::Success => "2xx",
            Self::Redirect => "3xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
        }
    }
}

/// Upper bounds of the time that an answer takes to begin, and how they are written in seconds. Beyond the last is another.
pub(crate) const LATENCIES: [(Duration, &str); 6] = [
    (Duration::from_millis(5), "0.005"),
    (Duration::from_millis(25), "0.025"),
    (Duration::from_millis(100), "0.1"),
    (Duration::from_millis(500), "0.5"),
    (Duration::from_millis(2_500), "2.5"),
    (Duration::from_secs(10), "10"),
];
const BUCKETS: usize = LATENCIES.len() + 1;

/// What was counted of one class of requests.
#[derive(Debug, Default)]
pub(crate) struct OfClass {
    outcomes: [Counter; Outcome::ALL.len()],
    latencies: [Counter; BUCKETS],
    /// Microseconds.
    time: Counter,
}

impl OfClass {
    pub(crate) fn ending(&self, outcome: Outcome) -> u64 {
        of(Outcome::ALL.iter().zip(&self.outcomes), outcome).map_or(0, Counter::get)
    }

    pub(crate) fn all(&self) -> u64 {
        self.outcomes.iter().map(Counter::get).sum()
    }

    /// How many took so long at most, by [`LATENCIES`]; the last is all of them.
    pub(crate) fn within(&self) -> [u64; BUCKETS] {
        let mut sum = 0;
        self.latencies.each_ref().map(|counter| {
            sum += counter.get();
            sum
        })
    }

    pub(crate) fn micros(&self) -> u64 {
        self.time.get()
    }
}

/// All counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: [OfClass; Class::ALL.len()],
    /// People and programs that signed in with a password.
    pub(crate) sign_ins: Counter,
    /// The operator's included.
    pub(crate) wrong_passwords: Counter,
    pub(crate) uploads: Counter,
    pub(crate) upload_bytes: Counter,
}

impl Counters {
    /// A request was answered; `elapsed` is the time until the head of its answer.
    pub(crate) fn answered(&self, class: Class, status: StatusCode, elapsed: Duration) {
        let requests = self.of(class);
        let outcome = Outcome::of(status);
        if let Some(counter) = of(Outcome::ALL.iter().zip(&requests.outcomes), outcome) {
            counter.up();
        }
        let bucket = LATENCIES.iter().take_while(|(bound, _)| elapsed > *bound).count();
        if let Some(counter) = requests.latencies.get(bucket) {
            counter.up();
        }
        requests.time.add(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn uploaded(&self, bytes: u64) {
        self.uploads.up();
        self.upload_bytes.add(bytes);
    }

    pub(crate) fn of(&self, class: Class) -> &OfClass {
        let [query, procedure, subscription, proxied, page, route] = &self.requests;
        match class {
            Class::Query => query,
            Class::Procedure => procedure,
            Class::Subscription => subscription,
            Class::Proxied => proxied,
            Class::Page => page,
            Class::Route => route,
        }
    }

    pub(crate) fn requests_of(&self, classes: &[Class]) -> u64 {
        classes.iter().map(|class| self.of(*class).all()).sum()
    }

    pub(crate) fn requests_ending(&self, outcome: Outcome) -> u64 {
        self.requests.iter().map(|requests| requests.ending(outcome)).sum()
    }
}

fn of<'a, K: PartialEq + 'a, V>(
    mut pairs: impl Iterator<Item = (&'a K, &'a V)>,
    key: K,
) -> Option<&'a V> {
    pairs.find(|(known, _)| **known == key).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_counts_once_in_each_way() {
        let counters = Counters::default();
        let answered = |class, status: u16, millis| {
            let status = StatusCode::from_u16(status).unwrap();
            counters.answered(class, status, Duration::from_millis(millis));
        };
        answered(Class::Query, 200, 5);
        answered(Class::Query, 404, 6);
        answered(Class::Query, 502, 11_000);
        answered(Class::Subscription, 101, 0);
        let queries = counters.of(Class::Query);
        assert_eq!(queries.all(), 3);
        assert_eq!(queries.within(), [1, 2, 2, 2, 2, 2, 3]);
        assert_eq!(queries.micros(), 11_011_000);
        assert_eq!(counters.requests_of(&[Class::Query, Class::Subscription]), 4);
        assert_eq!(counters.requests_ending(Outcome::ClientError), 1);
        assert_eq!(counters.requests_ending(Outcome::ServerError), 1);
        assert_eq!(counters.of(Class::Subscription).ending(Outcome::Switched), 1);
    }
}
