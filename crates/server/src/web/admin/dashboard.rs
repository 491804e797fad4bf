//! `/admin`: the server at a glance.

use askama::Template;
use cairn_store::Totals;

use super::super::format::bytes;
use super::super::i18n::Text;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;

#[derive(Template)]
#[template(path = "admin/dashboard.html")]
struct Dashboard {
    page: Page,
    t: Text,
    totals: Totals,
    states: Vec<State>,
    repo_bytes: String,
    blob_bytes: String,
    free_bytes: String,
    /// Where the system tells.
    memory: Option<String>,
    subscribers: usize,
    head_seq: u64,
    version: String,
    hostname: String,
    /// Mail that could not be sent.
    waiting_mail: usize,
}

/// A part of the bar of all accounts.
struct State {
    label: &'static str,
    tone: &'static str,
    count: u64,
    /// In thousandths of the bar.
    start: u64,
    width: u64,
}

fn states(t: Text, totals: &Totals) -> Vec<State> {
    let all = totals.accounts().max(1);
    let mut start: u64 = 0;
    [
        (t.console_active(), "success", totals.active),
        (t.console_deactivated(), "warning", totals.deactivated),
        (t.console_suspended(), "info", totals.suspended),
        (t.console_taken_down(), "error", totals.taken_down),
    ]
    .into_iter()
    .map(|(label, tone, count)| {
        let width = count.saturating_mul(1_000) / all;
        let state = State { label, tone, count, start, width };
        start = start.saturating_add(width);
        state
    })
    .collect()
}

/// What this process has in memory, where the system has `/proc`.
async fn memory_bytes() -> Option<u64> {
    let status = tokio::fs::read_to_string("/proc/self/status").await.ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kib.checked_mul(1_024)
}

pub async fn show(visit: Visit) -> PageResult {
    let (t, app) = (visit.t, &visit.app);
    let totals = app.store.totals().await?;
    visit.html(&Dashboard {
        page: visit.page(t.console_dashboard()),
        t,
        states: states(t, &totals),
        repo_bytes: bytes(t, totals.repo_bytes),
        blob_bytes: bytes(t, totals.blob_bytes),
        free_bytes: bytes(t, app.store.free_bytes()?),
        memory: memory_bytes().await.map(|count| bytes(t, count)),
        subscribers: app.subscribers.count(),
        head_seq: app.store.events().head_seq(),
        version: app.config.version.clone(),
        hostname: app.config.hostname.clone(),
        waiting_mail: app.outbox.waiting(app.clock.now()).len(),
        totals,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::i18n::Language;
    use super::*;

    #[test]
    fn the_bar_is_as_long_as_there_are_accounts() {
        let t = Text::new(Language::En);
        let totals = Totals { active: 6, deactivated: 1, taken_down: 1, ..Totals::default() };
        let bar: Vec<_> = states(t, &totals).iter().map(|it| (it.start, it.width)).collect();
        assert_eq!(bar, [(0, 750), (750, 125), (875, 0), (875, 125)]);
        assert!(states(t, &Totals::default()).iter().all(|state| state.width == 0));
    }
}
