//! `/metrics`: the figures in Prometheus's text format, for collectors.
//!
//! Format: <https://prometheus.io/docs/instrumenting/exposition_formats/>. The names are listed in `docs/operations.md`; a test
//! compares the two.

use std::fmt::{Display, Write as _};

use axum::response::Response;
use cairn_store::Totals;
use http::{HeaderValue, header};

use crate::app::App;
use crate::error::XrpcError;
use crate::figures::{Class, Gauges, LATENCIES, Outcome, gauges};

use super::{Call, Route, Who, get, typed};

const MICROS: u64 = 1_000_000;

pub(super) fn routes() -> Vec<Route> {
    vec![get("/metrics", Who::Collector, metrics)]
}

async fn metrics(call: Call) -> Result<Response, XrpcError> {
    let app = call.app.clone();
    let totals = app.store.totals().await?;
    let text = tokio::task::spawn_blocking(move || text(&app, &totals))
        .await
        .map_err(XrpcError::internal)?;
    let mut response = typed("text/plain; version=0.0.4; charset=utf-8", text);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn text(app: &App, totals: &Totals) -> String {
    let mut page = Page(String::with_capacity(8 * 1_024));
    page.metric("cairn_build_info", "gauge", "The version that runs.");
    page.value("cairn_build_info", &[("version", &app.config.version)], 1);
    requests(&mut page, app);
    events(&mut page, app);
    let counters = &app.figures.counters;
    page.counter("cairn_sign_ins_total", "Sign-ins with a password.", counters.sign_ins.get());
    let wrong = counters.wrong_passwords.get();
    page.counter("cairn_wrong_passwords_total", "Wrong passwords, the operator's included.", wrong);
    page.counter("cairn_uploads_total", "Blobs that were uploaded.", counters.uploads.get());
    let bytes = counters.upload_bytes.get();
    page.counter("cairn_upload_bytes_total", "Bytes of blobs that were uploaded.", bytes);
    accounts(&mut page, totals);
    machine(&mut page, &gauges(app));
    let waiting = app.outbox.waiting(app.clock.now()).len();
    page.gauge("cairn_mail_waiting", "Messages that could not be sent.", waiting);
    page.0
}

fn requests(page: &mut Page, app: &App) {
    let counters = &app.figures.counters;
    let name = "cairn_requests_total";
    page.metric(name, "counter", "Requests by what they are for and how they end.");
    for class in Class::ALL {
        for outcome in Outcome::ALL {
            let labels = [("class", class.name()), ("code", outcome.name())];
            page.value(name, &labels, counters.of(class).ending(outcome));
        }
    }
    let name = "cairn_request_duration_seconds";
    page.metric(name, "histogram", "Time until an answer begins.");
    for class in Class::ALL {
        let of = counters.of(class);
        let bounds = LATENCIES.iter().map(|(_, text)| *text).chain(["+Inf"]);
        for (bound, count) in bounds.zip(of.within()) {
            let labels = [("class", class.name()), ("le", bound)];
            page.value("cairn_request_duration_seconds_bucket", &labels, count);
        }
        let labels = [("class", class.name())];
        page.value("cairn_request_duration_seconds_sum", &labels, seconds(of.micros()));
        let all = of.within().last().copied().unwrap_or_default();
        page.value("cairn_request_duration_seconds_count", &labels, all);
    }
}

fn events(page: &mut Page, app: &App) {
    let log = app.store.events();
    let counts = log.counts();
    page.counter("cairn_commits_total", "Commits to repositories.", counts.commits);
    page.counter("cairn_events_total", "Events of the firehose, commits included.", counts.events);
    let (head, oldest) = (log.head_seq(), log.oldest_seq());
    page.gauge("cairn_firehose_head_seq", "Sequence number of the newest event.", head);
    page.gauge("cairn_firehose_oldest_seq", "Sequence number of the oldest event kept.", oldest);
    let subscribers = app.subscribers.count();
    page.gauge("cairn_firehose_subscribers", "Consumers of the firehose.", subscribers);
}

fn accounts(page: &mut Page, totals: &Totals) {
    page.metric("cairn_accounts", "gauge", "Accounts by state.");
    for (state, count) in [
        ("active", totals.active),
        ("deactivated", totals.deactivated),
        ("suspended", totals.suspended),
        ("takendown", totals.taken_down),
    ] {
        page.value("cairn_accounts", &[("state", state)], count);
    }
    page.gauge("cairn_sign_ups_waiting", "People who wait for an account.", totals.applicants);
    page.gauge("cairn_repo_bytes", "Blocks of all repositories.", totals.repo_bytes);
    page.gauge("cairn_blob_bytes", "Blobs of all accounts.", totals.blob_bytes);
}

fn machine(page: &mut Page, gauges: &Gauges) {
    if let Some(bytes) = gauges.memory_bytes {
        page.gauge("process_resident_memory_bytes", "Memory of the process.", bytes);
    }
    if let Some(files) = gauges.open_files {
        page.gauge("process_open_fds", "Files and sockets that the process has open.", files);
    }
    let Some(disk) = gauges.disk else { return };
    page.gauge("cairn_database_bytes", "The database file.", disk.database_bytes);
    page.gauge("cairn_database_log_bytes", "Its write-ahead log.", disk.log_bytes);
    page.metric("cairn_disk_free_bytes", "gauge", "Free space where the files are.");
    page.value("cairn_disk_free_bytes", &[("of", "data")], disk.free_bytes);
    page.value("cairn_disk_free_bytes", &[("of", "blobs")], disk.blob_free_bytes);
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / MICROS, micros % MICROS)
}

/// What a collector reads.
struct Page(String);

impl Page {
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a string never fails.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (number, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let before = if number == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{text}\"");
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.metric(name, "counter", help);
        self.value(name, &[], value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.metric(name, "gauge", help);
        self.value(name, &[], value);
    }
}
