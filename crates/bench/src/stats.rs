//! Percentiles of latencies.

use std::time::Duration;

/// Latencies of one row.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<f64>);

impl Latencies {
    /// Adds one measurement.
    pub(crate) fn push(&mut self, latency: Duration) {
        self.0.push(latency.as_secs_f64() * 1000.0);
    }

    /// Takes another set in.
    pub(crate) fn extend(&mut self, other: Latencies) {
        self.0.extend(other.0);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value below which the share `p` of all lies, in milliseconds; 0 when there is none.
    pub(crate) fn percentile(&mut self, p: f64) -> f64 {
        self.0.sort_by(f64::total_cmp);
        let last = self.0.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index near a percentile"
        )]
        let at = (last as f64 * p).round() as usize;
        self.0.get(at).copied().unwrap_or(0.0)
    }
}
