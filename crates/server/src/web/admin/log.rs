//! `/admin/log`: what operators and moderators did.

use askama::Template;
use cairn_model::Did;
use cairn_store::Act;
use serde_json::Value;

use super::super::format::time;
use super::super::i18n::Text;
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use crate::accounts::administration::OPERATOR;

/// Entries on one page.
const PAGE: u32 = 100;

#[derive(Template)]
#[template(path = "admin/log.html")]
struct Log {
    page: Page,
    t: Text,
    entries: Vec<Entry>,
    after: String,
}

/// A line of the log, as people read it.
pub struct Entry {
    pub at: String,
    /// None for the operator.
    pub actor: Option<String>,
    pub action: String,
    pub subject: String,
    /// To the account, if it is about one.
    pub href: Option<String>,
    /// What else was noted, in a few words.
    pub detail: String,
}

impl Entry {
    pub fn new(t: Text, act: Act) -> Self {
        let did = Did::parse(&act.subject).ok();
        Self {
            at: time(act.at),
            actor: (act.actor != OPERATOR).then_some(act.actor),
            action: action(t, &act.action).map_or(act.action, str::to_owned),
            href: did.map(|did| Local::of_console(&did, "").to_string()),
            subject: act.subject,
            detail: detail(&act.detail),
        }
    }
}

/// The words for an act; none for one that the log got from elsewhere.
fn action(t: Text, action: &str) -> Option<&'static str> {
    Some(match action {
        "create" => t.log_create(),
        "takedown" => t.log_takedown(),
        "takedown_part" => t.log_takedown_part(),
        "restore" => t.log_restore(),
        "restore_part" => t.log_restore_part(),
        "deactivate" => t.log_deactivate(),
        "activate" => t.log_activate(),
        "set_password" => t.log_set_password(),
        "mail_reset" => t.log_mail_reset(),
        "sign_out" => t.log_sign_out(),
        "remove_factors" => t.log_remove_factors(),
        "delete" => t.log_delete(),
        "set_quotas" => t.log_set_quotas(),
        "disable_invites" => t.log_disable_invites(),
        "enable_invites" => t.log_enable_invites(),
        "make_invites" => t.log_make_invites(),
        "disable_codes" => t.log_disable_codes(),
        "update_handle" => t.log_update_handle(),
        "update_email" => t.log_update_email(),
        "update_signing_key" => t.log_update_signing_key(),
        "send_email" => t.log_send_email(),
        "approve" => t.log_approve(),
        "reject" => t.log_reject(),
        "request_crawl" => t.log_request_crawl(),
        "hang_up" => t.log_hang_up(),
        "test_mail" => t.log_test_mail(),
        _ => return None,
    })
}

/// The values of the noted object, without its nulls.
fn detail(json: &str) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_str(json) else { return String::new() };
    let shown = fields.into_iter().filter_map(|(name, value)| match value {
        Value::Null => None,
        Value::String(text) if name == "reason" => Some(text),
        Value::String(text) => Some(format!("{name}: {text}")),
        value => Some(format!("{name}: {value}")),
    });
    shown.collect::<Vec<_>>().join(", ")
}

pub async fn show(visit: Visit) -> PageResult {
    let before = match visit.query.get("after") {
        "" => None,
        cursor => Some(cursor.parse().map_err(|_| super::accounts::malformed())?),
    };
    let found = visit.app.store.acts(before, PAGE).await?;
    let is_full = found.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
    let cursor = found.last().filter(|_| is_full).map(|last| last.id.to_string());
    visit.html(&Log {
        page: visit.page(visit.t.console_log()),
        t: visit.t,
        entries: found.into_iter().map(|act| Entry::new(visit.t, act)).collect(),
        after: super::after("/admin/log", &[], cursor),
    })
}
