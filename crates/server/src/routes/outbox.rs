//! `/admin/api/outbox`: mail that could not be sent, for the operator's programs. People read it on `/admin/outbox`.

use axum::response::Response;
use serde::Serialize;

use crate::mail::Waiting;

use super::{Call, Route, Who, get, json};

pub(super) fn routes() -> Vec<Route> {
    vec![get("/admin/api/outbox", Who::Admin, outbox)]
}

#[derive(Serialize)]
struct Messages {
    messages: Vec<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    to: String,
    subject: String,
    text: String,
    written_at: String,
    /// Why it was not sent.
    reason: String,
}

impl From<Waiting> for Message {
    fn from(waiting: Waiting) -> Self {
        let Waiting { mail, reason } = waiting;
        let written_at = mail.sent_at.to_string();
        let reason = reason.to_string();
        Self { to: mail.to, subject: mail.subject, text: mail.text, written_at, reason }
    }
}

/// Mail that could not be sent, newest first.
async fn outbox(call: Call) -> Response {
    let waiting = call.app.outbox.waiting(call.app.clock.now());
    let messages = waiting.into_iter().map(Message::from).collect();
    json(&Messages { messages })
}
