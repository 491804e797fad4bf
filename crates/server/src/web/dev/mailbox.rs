//! `/dev/mail`: all messages of a development server, newest first.

use askama::Template;

use crate::mail::Mail;

use super::super::i18n::Text;
use super::super::page::{Allowed, Page};
use super::super::route::PageResult;
use super::super::visit::Visit;

#[derive(Template)]
#[template(path = "dev/mailbox.html")]
struct Mailbox {
    page: Page,
    t: Text,
    messages: Vec<Mail>,
}

pub async fn show(visit: Visit) -> PageResult {
    let page = visit.page("Mailbox");
    let messages = visit.app.mailer.delivered();
    // Each message is shown in a frame without any rights.
    visit.html_allowing(&Mailbox { page, t: visit.t, messages }, Allowed::frames())
}
