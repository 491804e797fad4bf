//! Asking a relay to follow this host.
//!
//! A relay gives up on a host that it cannot reach for a few minutes and does not come back by itself. So it is asked
//! when the server starts, when nobody listens, and now and then while there is something to hear.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::app::App;
use crate::relays::Relay;

/// How often the need is looked at.
const LOOK: Duration = Duration::from_secs(30);
/// The least time between two requests while a relay may be listening.
const PACE: Duration = Duration::from_secs(20 * 60);
/// The least time between two requests while events find no listener at all.
const PACE_UNHEARD: Duration = Duration::from_secs(2 * 60);
/// The first wait after a request that failed; it doubles up to [`PACE`].
const FIRST_RETRY: Duration = Duration::from_secs(30);

/// Keeps one relay following until the server stops.
pub(super) async fn keep_followed(app: App, relay: Arc<Relay>) {
    let stopping = app.stopping.clone();
    let work = async {
        let mut last: Option<Asked> = None;
        loop {
            let now = State {
                subscribers: app.subscribers.count(),
                head_seq: app.store.events().head_seq(),
            };
            if is_due(last.as_ref(), &now) {
                let failures = last.as_ref().map_or(0, |asked| asked.failures);
                let is_followed = relay.request_crawl(&app).await;
                let failures = if is_followed { 0 } else { failures.saturating_add(1) };
                last = Some(Asked { at: Instant::now(), head_seq: now.head_seq, failures });
            }
            sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = stopping.cancelled() => {}
        () = work => {}
    }
}

struct Asked {
    at: Instant,
    head_seq: u64,
    failures: u32,
}

struct State {
    subscribers: usize,
    head_seq: u64,
}

fn is_due(last: Option<&Asked>, now: &State) -> bool {
    let Some(last) = last else { return true };
    let waited = last.at.elapsed();
    if last.failures > 0 {
        return waited >= FIRST_RETRY.saturating_mul(1 << last.failures.min(6)).min(PACE);
    }
    let unheard = now.subscribers == 0;
    let written = now.head_seq > last.head_seq;
    (unheard && written && waited >= PACE_UNHEARD) || ((unheard || written) && waited >= PACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(seconds_ago: u64, failures: u32) -> Asked {
        let at = Instant::now().checked_sub(Duration::from_secs(seconds_ago)).unwrap();
        Asked { at, head_seq: 10, failures }
    }

    #[tokio::test]
    async fn a_relay_is_asked_at_first_and_then_as_need_be() {
        let state = |subscribers, head_seq| State { subscribers, head_seq };
        assert!(is_due(None, &state(1, 10)));
        assert!(!is_due(Some(&asked(60, 0)), &state(0, 11)));
        assert!(is_due(Some(&asked(130, 0)), &state(0, 11)), "events find no listener");
        assert!(!is_due(Some(&asked(130, 0)), &state(1, 11)), "somebody listens");
        assert!(!is_due(Some(&asked(1_300, 0)), &state(1, 10)), "nothing to tell");
        assert!(is_due(Some(&asked(1_300, 0)), &state(1, 11)));
        assert!(is_due(Some(&asked(1_300, 0)), &state(0, 10)));
        assert!(!is_due(Some(&asked(59, 1)), &state(0, 11)));
        assert!(is_due(Some(&asked(61, 1)), &state(1, 10)), "tries again");
    }
}
