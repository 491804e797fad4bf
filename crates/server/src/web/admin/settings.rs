//! `/admin/settings`: what the server runs with, and where each value comes from. Nothing can be changed here.

use askama::Template;

use super::super::i18n::Text;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use crate::config::{Setting, SettingSource, SettingValue};

/// What to read, in the folder that the server's source comes in.
const DOCS: &[&str] = &[
    "docs/operations.md",
    "docs/accounts.md",
    "docs/moderation.md",
    "docs/email.md",
    "docs/limits.md",
    "config/cairn.example.toml",
];

#[derive(Template)]
#[template(path = "admin/settings.html")]
struct Settings {
    page: Page,
    t: Text,
    version: String,
    did: String,
    url: String,
    docs: &'static [&'static str],
    /// What somebody has set.
    set: Vec<Line>,
    /// What nobody has.
    defaults: Vec<Line>,
}

struct Line {
    key: &'static str,
    about: &'static str,
    value: Option<String>,
    /// In words, where there is no value to show.
    note: &'static str,
    source: String,
}

impl Line {
    fn new(t: Text, setting: &Setting) -> Self {
        let default = t.option_default(setting.key);
        let (value, note) = match &setting.value {
            SettingValue::Secret { is_set: true } => (None, t.settings_secret()),
            SettingValue::Plain(text) if !text.is_empty() => (Some(text.clone()), ""),
            SettingValue::Plain(_) => (None, default.unwrap_or(t.settings_unset())),
            SettingValue::Secret { .. } => (None, default.unwrap_or(t.settings_no_secret())),
        };
        let source = match &setting.source {
            SettingSource::Default => t.settings_default().to_owned(),
            SettingSource::File => t.settings_file().to_owned(),
            SettingSource::Variable(name) => name.clone(),
            SettingSource::Command => t.settings_command().to_owned(),
        };
        Self {
            key: setting.key,
            about: t.option(setting.key).unwrap_or_default(),
            value,
            note,
            source,
        }
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let (t, config) = (visit.t, &visit.app.config);
    let (set, defaults): (Vec<&Setting>, Vec<&Setting>) =
        config.settings.iter().partition(|it| it.source != SettingSource::Default);
    let lines = |settings: Vec<&Setting>| settings.iter().map(|it| Line::new(t, it)).collect();
    visit.html(&Settings {
        page: visit.page(t.console_settings()),
        t,
        version: config.version.clone(),
        did: config.service_did.to_string(),
        url: config.public_url.clone(),
        docs: DOCS,
        set: lines(set),
        defaults: lines(defaults),
    })
}
