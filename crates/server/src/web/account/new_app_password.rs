//! `/account/u/{account}/app-passwords/new`: makes one, and shows it once.

use askama::Template;
use cairn_store::{AppPasswordRights, CreateAppPasswordError};

use super::super::error::PageError;
use super::super::form::{Fields, Form};
use super::super::i18n::Text;
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::alert;
use crate::accounts::app_password::{self, MAX_NAME_BYTES};
use crate::config::ServerConfig;
use crate::error::XrpcError;
use crate::mail::letters::Event;

#[derive(Template)]
#[template(path = "account/new_app_password.html")]
struct Making {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    kinds: Vec<Kind>,
    limits: Vec<Limit>,
}

#[derive(Template)]
#[template(path = "account/app_password_made.html")]
struct Made {
    page: Page,
    t: Text,
    base: String,
    handle: String,
    name: String,
    password: String,
}

/// How much an app password may do.
struct Kind {
    value: &'static str,
    label: &'static str,
    detail: &'static str,
    is_chosen: bool,
}

/// Something that an app password with limits may do.
struct Limit {
    value: &'static str,
    label: &'static str,
    is_ticked: bool,
}

/// What can be ticked: its name in the form, and the scopes that it stands for.
const LIMITS: &[(&str, &[&str])] = &[
    (
        "posts",
        &[
            "repo:app.bsky.feed.post",
            "repo:app.bsky.feed.threadgate",
            "repo:app.bsky.feed.postgate",
        ],
    ),
    ("likes", &["repo:app.bsky.feed.like", "repo:app.bsky.feed.repost"]),
    (
        "follows",
        &[
            "repo:app.bsky.graph.follow",
            "repo:app.bsky.graph.block",
            "repo:app.bsky.graph.listblock",
        ],
    ),
    ("profile", &["repo:app.bsky.actor.profile"]),
    ("records", &["repo:*"]),
    ("files", &["blob:*/*"]),
    ("email", &["account:email"]),
    // The scopes depend on the server's AppView.
    (READ, &[]),
];
const READ: &str = "read";

fn label(t: Text, limit: &str) -> &'static str {
    match limit {
        "posts" => t.app_passwords_may_posts(),
        "likes" => t.app_passwords_may_likes(),
        "follows" => t.app_passwords_may_follows(),
        "profile" => t.app_passwords_may_profile(),
        "records" => t.app_passwords_may_records(),
        "files" => t.app_passwords_may_files(),
        "email" => t.app_passwords_may_email(),
        _ => t.app_passwords_may_read(),
    }
}

/// The scope of asking the server's AppView in the account's name; none without an AppView.
fn reading(config: &ServerConfig) -> Option<String> {
    config.appview.as_ref().map(|appview| format!("rpc:*?aud={}%23bsky_appview", appview.did))
}

impl Making {
    fn new(visit: &Visit, form: Form) -> Result<Self, PageError> {
        let (t, config) = (visit.t, &visit.app.config);
        let chosen = form.value("kind").to_owned();
        let kind = |value, label, detail| Kind { value, label, detail, is_chosen: chosen == value };
        let offered = LIMITS.iter().map(|(value, _)| *value);
        let offered = offered.filter(|value| *value != READ || reading(config).is_some());
        let ticked: Vec<&str> = visit.form.all("may").collect();
        Ok(Self {
            page: visit.page(t.app_passwords_new()),
            t,
            base: Local::of_account(&visit.account()?.account.did, "/app-passwords").to_string(),
            form,
            kinds: vec![
                kind("standard", t.app_passwords_standard(), t.app_passwords_standard_detail()),
                kind(
                    "privileged",
                    t.app_passwords_privileged(),
                    t.app_passwords_privileged_detail(),
                ),
                kind("limited", t.app_passwords_limited(), t.app_passwords_limited_detail()),
            ],
            limits: offered
                .map(|value| Limit {
                    value,
                    label: label(t, value),
                    is_ticked: ticked.contains(&value),
                })
                .collect(),
        })
    }
}

pub async fn show(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let mut form = Form::new();
    form.set("kind", "standard");
    visit.html(&Making::new(&visit, form)?)
}

/// Answers with the password itself: it is stored nowhere that another page could show it from.
pub async fn make(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let account = &visit.account()?.account;
    let mut form = Form::of(&visit.form, &["name", "kind"]);
    let name = visit.form.get("name").to_owned();
    form.require(&visit.form, "name", visit.t.app_passwords_name_missing());
    if name.len() > MAX_NAME_BYTES {
        form.refuse("name", visit.t.app_passwords_name_long());
    }
    let rights = rights(&visit.app.config, &visit.form, &mut form, visit.t)?;
    let Some(rights) = rights.filter(|_| !form.is_refused()) else {
        return visit.refused(&Making::new(&visit, form)?);
    };
    let client = alert::client_of(&visit);
    match visit.app.store.create_app_password(account.id, &name, rights, client).await {
        Ok((password, made)) => {
            alert::tell(&visit, account, Event::AppPasswordMade);
            visit.html(&Made {
                page: visit.page(visit.t.app_passwords_made()),
                t: visit.t,
                base: Local::of_account(&account.did, "/app-passwords").to_string(),
                handle: crate::accounts::identity::shown_handle(account),
                name: made.name,
                password,
            })
        }
        Err(err) => {
            refuse(&mut form, err, visit.t)?;
            visit.refused(&Making::new(&visit, form)?)
        }
    }
}

/// What the form asks for; the form says what is wrong with it.
fn rights(
    config: &ServerConfig,
    sent: &Fields,
    form: &mut Form,
    t: Text,
) -> Result<Option<AppPasswordRights>, XrpcError> {
    match sent.get("kind") {
        "standard" => return Ok(Some(AppPasswordRights::Standard)),
        "privileged" => return Ok(Some(AppPasswordRights::Privileged)),
        "limited" => {}
        _ => {
            form.refuse("kind", t.app_passwords_kind_missing());
            return Ok(None);
        }
    }
    let mut scopes = Vec::new();
    for ticked in sent.all("may") {
        match LIMITS.iter().find(|(value, _)| *value == ticked) {
            Some((value, _)) if *value == READ => scopes.extend(reading(config)),
            Some((_, fixed)) => scopes.extend(fixed.iter().map(|&scope| scope.to_owned())),
            None => {}
        }
    }
    if scopes.is_empty() {
        form.refuse("may", t.app_passwords_may_nothing());
        return Ok(None);
    }
    app_password::scoped(&scopes).map(Some)
}

fn refuse(form: &mut Form, err: CreateAppPasswordError, t: Text) -> Result<(), XrpcError> {
    match err {
        CreateAppPasswordError::NameTaken => form.refuse("name", t.app_passwords_name_taken()),
        CreateAppPasswordError::TooMany => form.refuse("", t.app_passwords_too_many()),
        CreateAppPasswordError::Store(err) => return Err(err.into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_one_that_an_app_password_can_have() {
        for (value, scopes) in LIMITS {
            let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
            assert!(app_password::scoped(&scopes).is_ok(), "{value}");
        }
        let all: Vec<String> = LIMITS
            .iter()
            .flat_map(|(_, scopes)| scopes.iter().map(|&scope| scope.to_owned()))
            .chain(["rpc:*?aud=did:web:api.bsky.app%23bsky_appview".to_owned()])
            .collect();
        assert!(app_password::scoped(&all).is_ok());
    }
}
