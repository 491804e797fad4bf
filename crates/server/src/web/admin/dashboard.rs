//! `/admin`: the server at a glance.

use askama::Template;
use cairn_store::Totals;

use super::super::format::bytes;
use super::super::i18n::Text;
use super::super::icon::{self, Icon};
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::charts::{Chart, charts};
use crate::app::App;
use crate::error::XrpcError;
use crate::figures::{self, Sample, Span};
use crate::relays::Said;

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
    needs: Vec<Need>,
    charts: Vec<Chart>,
    /// Whether the charts show a day rather than an hour.
    is_day: bool,
}

#[derive(Template)]
#[template(path = "admin/charts.html")]
struct Charts {
    t: Text,
    charts: Vec<Chart>,
}

/// Something that waits for the operator, and the page where it is seen to.
struct Need {
    icon: Icon,
    tone: &'static str,
    text: String,
    href: &'static str,
}

/// What is cheap to know of what waits: nothing is asked of others for it.
fn needs(t: Text, app: &App, totals: &Totals, hour: &[Sample]) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut add = |icon, tone, text, href| needs.push(Need { icon, tone, text, href });
    if app.store.require_space().is_err() {
        add(icon::ALERT, "error", t.dashboard_full().to_owned(), "/admin/settings/checks");
    }
    if totals.applicants > 0 {
        add(icon::ACCOUNT, "", t.dashboard_waiting(totals.applicants), "/admin/approvals");
    }
    let mail = app.outbox.waiting(app.clock.now()).len();
    if mail > 0 {
        add(icon::MAIL, "warning", t.dashboard_mail(mail), "/admin/outbox");
    }
    let has_refused = |said: Said| !said.answer.is_success();
    let relays = app.relays.all().iter().map(|relay| relay.heard());
    let refusing = relays.filter(|heard| heard.crawl.clone().is_some_and(has_refused)).count();
    if refusing > 0 {
        add(icon::RELAY, "warning", t.dashboard_relays(refusing), "/admin/relays");
    }
    let failed = failed(hour);
    if failed > 0 {
        add(icon::CHART, "error", t.dashboard_failed(failed), "/admin#charts");
    }
    needs
}

/// Requests of the last hour that failed here.
fn failed(hour: &[Sample]) -> usize {
    let now = hour.last();
    let from = now.map_or(0, |now| now.at.saturating_sub(Span::Hour.seconds()));
    let before = hour.iter().find(|sample| sample.at >= from);
    let count = |sample: Option<&Sample>| sample.map_or(0, |sample| sample.server_errors);
    usize::try_from(count(now).saturating_sub(count(before))).unwrap_or(usize::MAX)
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

pub async fn show(visit: Visit) -> PageResult {
    let (t, app) = (visit.t, &visit.app);
    let totals = app.store.totals().await?;
    let span = span(&visit);
    let now = now(&visit).await?;
    let mut page = visit.page(t.console_dashboard());
    page.load("charts.js");
    visit.html(&Dashboard {
        page,
        t,
        states: states(t, &totals),
        repo_bytes: bytes(t, totals.repo_bytes),
        blob_bytes: bytes(t, totals.blob_bytes),
        free_bytes: bytes(t, now.free_bytes),
        memory: (now.memory_bytes > 0).then(|| bytes(t, now.memory_bytes)),
        subscribers: app.subscribers.count(),
        head_seq: app.store.events().head_seq(),
        version: app.config.version.clone(),
        hostname: app.config.hostname.clone(),
        needs: needs(t, app, &totals, &app.figures.over(Span::Hour, now)),
        charts: charts(t, span, &app.figures.over(span, now)),
        is_day: span == Span::Day,
        totals,
    })
}

/// The charts alone, for the script that draws them anew.
pub async fn figures(visit: Visit) -> PageResult {
    let span = span(&visit);
    let now = now(&visit).await?;
    let charts = charts(visit.t, span, &visit.app.figures.over(span, now));
    visit.html(&Charts { t: visit.t, charts })
}

fn span(visit: &Visit) -> Span {
    if visit.query.get("span") == "day" { Span::Day } else { Span::Hour }
}

/// The numbers of this moment.
async fn now(visit: &Visit) -> Result<Sample, XrpcError> {
    let app = visit.app.clone();
    let looking = tokio::task::spawn_blocking(move || figures::sample(&app, app.clock.now()));
    looking.await.map_err(XrpcError::internal)
}

#[cfg(test)]
mod tests {
    use super::super::super::i18n::Language;
    use super::*;

    #[test]
    fn failures_are_those_of_the_last_hour() {
        let sample = |at, server_errors| Sample { at, server_errors, ..Sample::default() };
        let hour = [sample(0, 1), sample(120, 3), sample(2_000, 4), sample(3_660, 9)];
        assert_eq!(failed(&hour), 6);
        assert_eq!(failed(&hour[..1]), 0);
        assert_eq!(failed(&[]), 0);
    }

    #[test]
    fn the_bar_is_as_long_as_there_are_accounts() {
        let t = Text::new(Language::En);
        let totals = Totals { active: 6, deactivated: 1, taken_down: 1, ..Totals::default() };
        let bar: Vec<_> = states(t, &totals).iter().map(|it| (it.start, it.width)).collect();
        assert_eq!(bar, [(0, 750), (750, 125), (875, 0), (875, 125)]);
        assert!(states(t, &Totals::default()).iter().all(|state| state.width == 0));
    }
}
