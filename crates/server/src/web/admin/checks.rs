//! `/admin/settings/checks`: whether the world around the server is as it has to be, in words, with what to do.

use askama::Template;

use super::super::i18n::Text;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use crate::checks::{self, Check, Finding, Verdict};

#[derive(Template)]
#[template(path = "admin/checks.html")]
struct Checks {
    page: Page,
    t: Text,
    /// None before they were made.
    findings: Option<Vec<Line>>,
}

struct Line {
    title: &'static str,
    about: String,
    tone: &'static str,
    verdict: &'static str,
    seen: String,
    /// What to do, if it is not as it should be.
    advice: Option<&'static str>,
}

impl Line {
    fn new(t: Text, finding: Finding) -> Self {
        let (title, advice) = words(t, finding.check);
        let (tone, verdict) = match finding.verdict {
            Verdict::Good => ("success", t.checks_good()),
            Verdict::Doubtful => ("warning", t.checks_doubtful()),
            Verdict::Bad => ("error", t.checks_bad()),
            Verdict::Skipped => ("", t.checks_skipped()),
        };
        let is_wrong = matches!(finding.verdict, Verdict::Doubtful | Verdict::Bad);
        Self {
            title,
            about: finding.about,
            tone,
            verdict,
            seen: finding.seen,
            advice: is_wrong.then_some(advice),
        }
    }
}

/// What is looked at, and what to do when it is not right.
fn words(t: Text, check: Check) -> (&'static str, &'static str) {
    match check {
        Check::PublicUrl => (t.checks_public_url(), t.checks_public_url_advice()),
        Check::ServiceDid => (t.checks_service_did(), t.checks_service_did_advice()),
        Check::WebSocket => (t.checks_web_socket(), t.checks_web_socket_advice()),
        Check::HandleNames => (t.checks_handle_names(), t.checks_handle_names_advice()),
        Check::Handle => (t.checks_handle(), t.checks_handle_advice()),
        Check::Clock => (t.checks_clock(), t.checks_clock_advice()),
        Check::ClientAddress => (t.checks_client_address(), t.checks_client_address_advice()),
        Check::Relay => (t.checks_relay(), t.checks_relay_advice()),
        Check::Disk => (t.checks_disk(), t.checks_disk_advice()),
        Check::Mail => (t.checks_mail(), t.checks_mail_advice()),
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let page = visit.page(visit.t.checks_title());
    visit.html(&Checks { page, t: visit.t, findings: None })
}

/// Makes the checks. Nothing is changed, so a page that is loaded again just makes them again.
pub async fn run(visit: Visit) -> PageResult {
    let findings = checks::run(&visit.app, visit.client_ip).await;
    let lines = findings.into_iter().map(|finding| Line::new(visit.t, finding)).collect();
    let page = visit.page(visit.t.checks_title());
    visit.html(&Checks { page, t: visit.t, findings: Some(lines) })
}
