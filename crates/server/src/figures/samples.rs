//! The numbers over time, bounded: every ten seconds for an hour, every minute for a day.

use std::collections::VecDeque;

/// The numbers of one moment. Those that only grow count from the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Seconds since 1970.
    pub at: i64,
    pub events: u64,
    pub commits: u64,
    pub methods: u64,
    pub proxied: u64,
    pub others: u64,
    pub client_errors: u64,
    pub server_errors: u64,
    pub sign_ins: u64,
    pub wrong_passwords: u64,
    pub upload_bytes: u64,
    pub subscribers: u64,
    pub memory_bytes: u64,
    pub database_bytes: u64,
    pub log_bytes: u64,
    pub free_bytes: u64,
}

impl Sample {
    /// The same before anything was counted.
    pub(crate) fn at_zero(self) -> Self {
        let Self { subscribers, memory_bytes, database_bytes, log_bytes, free_bytes, .. } = self;
        Self { subscribers, memory_bytes, database_bytes, log_bytes, free_bytes, ..Self::default() }
    }
}

/// How far back a look goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Hour,
    Day,
}

impl Span {
    pub(crate) fn seconds(self) -> i64 {
        match self {
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// How long one point of a line stands for, in seconds.
    pub(crate) fn step(self) -> i64 {
        match self {
            Self::Hour => 60,
            Self::Day => 15 * 60,
        }
    }
}

/// So many minutes has a day, and so many tens of seconds an hour, with two steps before them.
const MINUTES: usize = 1_440 + 30;
const TENS: usize = 360 + 12;
const MINUTE: i64 = 60;

/// About 230 KiB when a day has passed.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    tens: VecDeque<Sample>,
    minutes: VecDeque<Sample>,
}

impl Samples {
    pub(crate) fn keep(&mut self, sample: Sample) {
        push(&mut self.tens, sample, TENS);
        let last = self.minutes.back().map_or(i64::MIN, |last| last.at);
        if sample.at.saturating_sub(last) >= MINUTE {
            push(&mut self.minutes, sample, MINUTES);
        }
    }

    /// What is known of the span that ends now, the oldest first, and of the two steps before it: the first whole step of a span
    /// begins before it, and counts from a sample that is older still.
    pub(crate) fn over(&self, span: Span, now: Sample) -> Vec<Sample> {
        let kept = match span {
            Span::Hour => &self.tens,
            Span::Day => &self.minutes,
        };
        let from = now.at.saturating_sub(span.seconds() + 2 * span.step());
        // A clock that was set back leaves samples of the future.
        let fitting = kept.iter().filter(|sample| sample.at >= from && sample.at < now.at);
        fitting.copied().chain([now]).collect()
    }
}

fn push(samples: &mut VecDeque<Sample>, sample: Sample, max: usize) {
    if samples.len() >= max {
        samples.pop_front();
    }
    samples.push_back(sample);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_kept_finely_and_a_day_by_minutes() {
        let mut samples = Samples::default();
        for n in 0..10_000 {
            samples.keep(Sample { at: n * 10, ..Sample::default() });
        }
        let now = Sample { at: 100_000, ..Sample::default() };
        let hour: Vec<i64> = samples.over(Span::Hour, now).iter().map(|it| it.at).collect();
        assert_eq!((hour.len(), hour[0], hour[372]), (373, 96_280, 100_000));
        let day: Vec<i64> = samples.over(Span::Day, now).iter().map(|it| it.at).collect();
        assert_eq!((day.len(), day[1] - day[0]), (1_471, 60));
        assert!(samples.over(Span::Day, Sample::default()).len() == 1, "nothing of the future");
    }
}
