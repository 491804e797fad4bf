//! `/`: for people what this server is and where to go, for programs the same in plain text.

use askama::Template;

use crate::routes::front;

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
        contact: config.contact_email.clone(),
    })
}
