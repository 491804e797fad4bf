//! The tightest limit that a call has met, for its response headers.

use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue};

/// Where a limit stands after a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub limit: u32,
    pub remaining: u32,
    /// Seconds since 1970.
    pub resets_at: i64,
    pub window_seconds: u32,
}

/// Collects standings during a call.
#[derive(Debug, Default)]
pub struct RateReport(Mutex<Option<Standing>>);

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

impl RateReport {
    pub(crate) fn note(&self, standing: Standing) {
        let mut tightest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tightest.is_none_or(|known| standing.remaining <= known.remaining) {
            *tightest = Some(standing);
        }
    }

    /// Adds the `RateLimit-*` headers, if any limit was met.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let Some(standing) = *self.0.lock().unwrap_or_else(PoisonError::into_inner) else { return };
        headers.insert(LIMIT, standing.limit.into());
        headers.insert(REMAINING, standing.remaining.into());
        headers.insert(RESET, standing.resets_at.into());
        let policy = format!("{};w={}", standing.limit, standing.window_seconds);
        if let Ok(policy) = HeaderValue::try_from(policy) {
            headers.insert(POLICY, policy);
        }
    }
}
