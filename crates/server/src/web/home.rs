//! `/`: for people what this server is and where to go, for programs the same in plain text.

use askama::Template;

use crate::config::SignUp;
use crate::routes::front;

use super::account::{move_in, sign_up};
use super::i18n::Text;
use super::page::Page;
use super::route::{PageResult, Route, Who, get};
use super::visit::Visit;
use super::{dev, is_for_people};

pub(super) fn routes() -> Vec<Route> {
    vec![get("/", Who::Anyone, show)]
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    page: Page,
    t: Text,
    hostname: String,
    domains: Vec<String>,
    contact: Option<String>,
    /// Who may join.
    joining: &'static str,
    takes_newcomers: bool,
    takes_moves: bool,
}

async fn show(visit: Visit) -> PageResult {
    let config = &visit.app.config;
    if config.dev_mode {
        return dev::landing(visit).await;
    }
    if !is_for_people(&visit.headers) {
        return Ok(front::banner(&visit.app));
    }
    let mut page = visit.page(config.branding.service_name.clone());
    page.is_public = true;
    visit.html(&Home {
        page,
        t: visit.t,
        hostname: config.hostname.clone(),
        domains: config.handle_domains.clone(),
        joining: match config.sign_up {
            SignUp::Open => visit.t.home_open(),
            SignUp::Invite => visit.t.home_invite(),
            SignUp::Approval => visit.t.home_approval(),
            SignUp::Closed => visit.t.home_closed(),
        },
        takes_newcomers: sign_up::is_open(&visit.app),
        takes_moves: move_in::is_open(config),
        contact: config.contact_email.clone(),
    })
}
