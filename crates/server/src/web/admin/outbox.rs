//! `/admin/outbox`: mail that could not be sent; `/admin/outbox/test`: the way that mail takes, under the operator's eyes.

use std::sync::Arc;

use askama::Template;
use serde_json::json;

use super::super::form::Form;
use super::super::format::time;
use super::super::i18n::Text;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use crate::accounts::acts::{Action, Note};
use crate::accounts::administration;
use crate::accounts::email;
use crate::auth::Moderator;
use crate::mail::{Mail, Mailer, Waiting};

#[derive(Template)]
#[template(path = "admin/outbox.html")]
struct Outbox {
    page: Page,
    t: Text,
    messages: Vec<Message>,
}

struct Message {
    to: String,
    subject: String,
    text: String,
    written_at: String,
    /// Why it was not sent.
    reason: String,
}

impl Message {
    fn new(t: Text, waiting: Waiting) -> Self {
        let Waiting { mail, reason } = waiting;
        let Mail { to, subject, text, sent_at, .. } = mail;
        Self { to, subject, text, written_at: time(sent_at), reason: reason.words(t) }
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let waiting = visit.app.outbox.waiting(visit.app.clock.now());
    visit.html(&Outbox {
        page: visit.page(visit.t.console_outbox()),
        t: visit.t,
        messages: waiting.into_iter().map(|it| Message::new(visit.t, it)).collect(),
    })
}

#[derive(Template)]
#[template(path = "admin/mail_test.html")]
struct Test {
    page: Page,
    t: Text,
    form: Form,
    /// Whether moderators' mail takes another way.
    has_other_way: bool,
    outcome: Option<Outcome>,
}

/// What became of a message.
struct Outcome {
    /// What was done, and what the mail server said.
    steps: Vec<String>,
    error: Option<String>,
    hint: Option<&'static str>,
}

impl Test {
    fn new(visit: &Visit, form: Form, outcome: Option<Outcome>) -> Self {
        let app = &visit.app;
        Self {
            page: visit.page(visit.t.mail_test_title()),
            t: visit.t,
            form,
            has_other_way: !Arc::ptr_eq(&app.mailer, &app.moderation_mailer),
            outcome,
        }
    }
}

pub async fn ask(visit: Visit) -> PageResult {
    visit.html(&Test::new(&visit, Form::new(), None))
}

pub async fn test(visit: Visit) -> PageResult {
    let (t, app) = (visit.t, &visit.app);
    let mut form = Form::of(&visit.form, &["to", "moderation"]);
    form.require(&visit.form, "to", t.mail_test_missing());
    let to = visit.form.get("to");
    if !form.is_refused() && !email::is_plausible(to) {
        form.refuse("to", t.mail_test_missing());
    }
    if form.is_refused() {
        return visit.refused(&Test::new(&visit, form, None));
    }
    let text = t.mail_test_body(&app.config.hostname);
    let mail = Mail::new(to, t.mail_test_subject(), text, app.clock.now());
    let mailer = if visit.form.has("moderation") { &app.moderation_mailer } else { &app.mailer };
    let outcome = probe(t, mailer.as_ref(), mail).await;
    let notes = [(Note::Sent, json!(outcome.error.is_none()))];
    administration::record(app, &Moderator::Admin, Action::TestMail, &app.config.hostname, notes)
        .await;
    visit.html(&Test::new(&visit, form, Some(outcome)))
}

async fn probe(t: Text, mailer: &dyn Mailer, mail: Mail) -> Outcome {
    let mut steps = Vec::new();
    let sent = mailer.probe(mail, &mut |step| steps.push(step.to_owned())).await;
    let err = sent.err();
    let error = err.as_ref().map(|err| err.words(t));
    let hint = err.as_ref().and_then(|err| err.hint(t));
    Outcome { steps, error, hint }
}
