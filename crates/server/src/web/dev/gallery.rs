//! `/dev/gallery`: every component in every state, for the eyes of developers. Only in development.
//!
//! `?dir=rtl` turns it round, `?layout=solo` shows the other layout.

use askama::Template;

use super::super::form::Form;
use super::super::i18n::Text;
use super::super::icon;
use super::super::page::{Item, Page, Person, Tone};
use super::super::route::PageResult;
use super::super::visit::Visit;

#[derive(Template)]
#[template(path = "dev/gallery.html")]
struct Gallery {
    page: Page,
    t: Text,
    form: Form,
    refused: Form,
    tones: [Tone; 4],
}

#[derive(Template)]
#[template(path = "dev/gallery_solo.html")]
struct Solo {
    page: Page,
    t: Text,
    form: Form,
    refused: Form,
}

pub(super) async fn show(visit: Visit) -> PageResult {
    let mut page = visit.page("Components");
    if visit.query.get("dir") == "rtl" {
        page.dir = "rtl";
    }
    let (form, refused) = forms();
    if visit.query.get("layout") == "solo" {
        return visit.html(&Solo { page, t: visit.t, form, refused });
    }
    page.tell(Tone::Success, "Your password was changed.");
    let handle = "a-rather-long-handle.of-somebody.example.com".to_owned();
    page.person = Some(Person { handle });
    let item = |label, icon, is_current| Item { href: "#".to_owned(), label, icon, is_current };
    page.nav = vec![
        item("Overview", icon::ACCOUNT, true),
        item("Security", icon::SHIELD, false),
        item("Devices", icon::DEVICE, false),
        item("Apps", icon::APPS, false),
        item("App passwords", icon::KEY, false),
    ];
    let tones = [Tone::Info, Tone::Success, Tone::Warning, Tone::Error];
    visit.html(&Gallery { page, t: visit.t, form, refused, tones })
}

/// A form as it is first seen, and one that was refused.
fn forms() -> (Form, Form) {
    let mut refused = Form::new();
    refused.set("email", "alice@");
    refused.set("about", "Some words\non two lines");
    refused.refuse("", "Nothing was saved yet: look at what is marked below.");
    refused.refuse("email", "This is not an e-mail address. It needs a name, an @ and a domain, as in alice@example.com.");
    refused.refuse("password", "This is not the password of this account.");
    refused.refuse("code", "The code is not right, or too old. Ask for a new one.");
    refused.refuse("terms", "To go on, agree to the terms.");
    (Form::new(), refused)
}
