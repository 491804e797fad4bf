//! `/admin/log`: what operators and moderators did.

use askama::Template;
use cairn_model::Did;
use cairn_store::{Account, Act};
use serde_json::Value;

use super::super::format::{bytes, time};
use super::super::i18n::Text;
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::Pages;
use crate::accounts::acts::{Action, Note};
use crate::accounts::administration::OPERATOR;

/// Entries on one page.
const PAGE: u32 = 100;

#[derive(Template)]
#[template(path = "admin/log.html")]
struct Log {
    page: Page,
    t: Text,
    entries: Vec<Entry>,
    pages: Pages,
}

/// A line of the log, as people read it.
pub struct Entry {
    pub at: String,
    /// None for the operator.
    pub actor: Option<String>,
    pub action: String,
    pub subject: String,
    /// To the account, if it is about one that is here.
    pub href: Option<String>,
    /// What else was noted, in a few words.
    pub detail: String,
}

impl Entry {
    /// `account` is the one that it is about, as long as it is here.
    pub fn new(t: Text, act: Act, account: Option<&Account>) -> Self {
        let subject = match account {
            Some(account) => account.handle.as_ref().map(ToString::to_string),
            None if act.subject == OPERATOR => Some(t.console_operator().to_owned()),
            None => None,
        };
        Self {
            at: time(act.at),
            actor: (act.actor != OPERATOR).then_some(act.actor),
            action: match Action::by_name(&act.action) {
                Some(known) => action(t, known).to_owned(),
                None => act.action,
            },
            href: account.map(|account| Local::of_console(&account.did, "").to_string()),
            subject: subject.unwrap_or(act.subject),
            detail: detail(t, &act.detail),
        }
    }
}

/// The words for an act.
fn action(t: Text, action: Action) -> &'static str {
    match action {
        Action::Create => t.log_create(),
        Action::Takedown => t.log_takedown(),
        Action::TakedownPart => t.log_takedown_part(),
        Action::Restore => t.log_restore(),
        Action::RestorePart => t.log_restore_part(),
        Action::Deactivate => t.log_deactivate(),
        Action::Activate => t.log_activate(),
        Action::SetPassword => t.log_set_password(),
        Action::MailReset => t.log_mail_reset(),
        Action::SignOut => t.log_sign_out(),
        Action::RemoveFactors => t.log_remove_factors(),
        Action::Delete => t.log_delete(),
        Action::SetQuotas => t.log_set_quotas(),
        Action::DisableInvites => t.log_disable_invites(),
        Action::EnableInvites => t.log_enable_invites(),
        Action::MakeInvites => t.log_make_invites(),
        Action::DisableCodes => t.log_disable_codes(),
        Action::UpdateHandle => t.log_update_handle(),
        Action::UpdateEmail => t.log_update_email(),
        Action::UpdateSigningKey => t.log_update_signing_key(),
        Action::SendEmail => t.log_send_email(),
        Action::Approve => t.log_approve(),
        Action::Reject => t.log_reject(),
        Action::RequestCrawl => t.log_request_crawl(),
        Action::HangUp => t.log_hang_up(),
        Action::TestMail => t.log_test_mail(),
    }
}

/// What was noted, in words; what another version of the server has noted, by its name.
fn detail(t: Text, json: &str) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(json) else {
        return String::new();
    };
    let reason = fields.get(Note::Reason.name());
    let shown = fields.iter().filter_map(|(name, value)| match (Note::by_name(name), value) {
        (_, Value::Null) => None,
        // A reason may serve as the reference.
        (Some(Note::Reference), value) if reason == Some(value) => None,
        (Some(note), value) => noted(t, note, value),
        (None, Value::String(text)) => Some(t.log_noted(name, text)),
        (None, value) => Some(t.log_noted(name, value)),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// A note in words; none for what goes without saying.
fn noted(t: Text, note: Note, value: &Value) -> Option<String> {
    let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let number = || usize::try_from(value.as_u64().unwrap_or(0)).unwrap_or(usize::MAX);
    let space = || bytes(t, value.as_u64().unwrap_or(0));
    let is_so = value.as_bool().unwrap_or(false);
    Some(match note {
        Note::Reason | Note::Handle | Note::UserAgent => text(),
        Note::Reference => t.log_noted(t.log_reference(), text()),
        Note::Record => t.log_noted(t.moderation_record(), text()),
        Note::Blob => t.log_noted(t.moderation_blob(), text()),
        Note::AppPasswords if !is_so => return None,
        Note::AppPasswords => t.log_app_passwords().to_owned(),
        Note::BlobBytes => t.log_noted(t.hosted_blobs(), space()),
        Note::RepoBytes => t.log_noted(t.hosted_repo(), space()),
        Note::Codes => t.hosted_codes(number()),
        Note::Uses => t.log_uses(number()),
        Note::Accepted if is_so => t.log_accepted().to_owned(),
        Note::Accepted => t.log_not_accepted().to_owned(),
        Note::Sent if is_so => t.log_sent().to_owned(),
        Note::Sent => t.log_not_sent().to_owned(),
    })
}

pub async fn show(visit: Visit) -> PageResult {
    let before = match visit.query.get("after") {
        "" => None,
        cursor => Some(cursor.parse().map_err(|_| super::accounts::malformed())?),
    };
    let found = visit.app.store.acts(before, PAGE).await?;
    let is_full = found.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
    let cursor = found.last().filter(|_| is_full).map(|last| last.id.to_string());
    let mut entries = Vec::with_capacity(found.len());
    for act in found {
        let account = match Did::parse(&act.subject) {
            Ok(did) => visit.app.store.account(did).await?,
            Err(_) => None,
        };
        entries.push(Entry::new(visit.t, act, account.as_deref()));
    }
    visit.html(&Log {
        page: visit.page(visit.t.console_log()),
        t: visit.t,
        entries,
        pages: Pages::new(&visit, "/admin/log", &[], cursor),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::i18n::Language;
    use super::*;

    #[test]
    fn every_act_has_words_of_its_own_in_every_language() {
        for language in Language::ALL {
            let t = Text::new(*language);
            let mut words: Vec<&str> = Action::ALL.iter().map(|it| action(t, *it)).collect();
            for (word, act) in words.iter().zip(Action::ALL) {
                assert_ne!(*word, act.name());
                assert_eq!(Action::by_name(act.name()), Some(*act));
            }
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), Action::ALL.len(), "{language:?}: {words:?}");
        }
    }

    #[test]
    fn no_note_is_shown_by_its_name() {
        for language in Language::ALL {
            let t = Text::new(*language);
            for note in Note::ALL {
                assert_eq!(Note::by_name(note.name()), Some(*note));
                let is_answer = matches!(note, Note::AppPasswords | Note::Accepted | Note::Sent);
                let values = match is_answer {
                    true => [json!(true), json!(false)],
                    false => [json!("a text"), json!(5)],
                };
                for value in &values {
                    let said = detail(t, &json!({ note.name(): value }).to_string());
                    assert!(!said.contains(&format!("{}:", note.name())), "{note:?}: {said}");
                    assert!(!is_answer || !said.contains(&value.to_string()), "{note:?}: {said}");
                }
            }
        }
    }

    #[test]
    fn notes_read_as_sentences() {
        let said = |language, notes: Value| detail(Text::new(language), &notes.to_string());
        let part = json!({ "record": "a.b.c/1", "reference": "spam", "reason": "spam" });
        assert_eq!(said(Language::En, part), "spam, Record: a.b.c/1");
        let quotas = json!({ "blobBytes": 5 << 20, "repoBytes": null });
        assert_eq!(said(Language::Fr, quotas), "Fichiers\u{a0}: \u{2066}5 Mio\u{2069}");
        let codes = json!({ "codes": 2, "uses": 1 });
        assert_eq!(said(Language::En, codes), "2 codes, each good once");
        assert_eq!(said(Language::En, json!({ "appPasswords": false })), "");
        // Of a version to come.
        assert_eq!(said(Language::En, json!({ "later": 1 })), "later: 1");
        assert_eq!(detail(Text::default(), "nonsense"), "");
    }
}
