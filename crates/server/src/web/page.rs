//! What every page has around its content: the operator's name, links, language and theme, notices, navigation.

use http::{HeaderMap, HeaderValue, header};

use super::assets;
use super::cookies::Cookie;
use super::i18n::{Flash, Html, Language, Text};
use super::icon::{self, Icon};
use super::look::Look;
use super::route::{Route, Who};
use super::table;
use super::visit::Visit;

/// The theme that a person has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// The system's.
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// `Auto` for any other name.
    pub fn by_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.name() == name).unwrap_or(Self::Auto)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub fn label(self, t: Text) -> &'static str {
        match self {
            Self::Auto => t.layout_theme_auto(),
            Self::Light => t.layout_theme_light(),
            Self::Dark => t.layout_theme_dark(),
        }
    }
}

/// How good or bad news are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Info,
    Success,
    Warning,
    Error,
}

impl Tone {
    pub fn class(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// Whether it is read out at once.
    pub fn is_urgent(self) -> bool {
        matches!(self, Self::Warning | Self::Error)
    }

    pub fn icon(self) -> Icon {
        match self {
            Self::Info => icon::INFO,
            Self::Success => icon::CHECK,
            Self::Warning | Self::Error => icon::ALERT,
        }
    }
}

/// A box with news above the content.
pub struct Notice {
    pub tone: Tone,
    pub text: Html,
}

/// A link at the foot of the page.
pub struct Link {
    pub rel: &'static str,
    pub href: String,
    pub label: &'static str,
}

/// A line of the navigation.
pub struct Item {
    pub href: String,
    pub label: &'static str,
    pub icon: Icon,
    pub is_current: bool,
}

/// The account that the pages of an account are about.
pub struct Person {
    pub handle: String,
}

impl Person {
    /// For the disc that stands for a picture.
    pub fn initial(&self) -> String {
        initial(&self.handle)
    }
}

/// The first letter of a name.
pub fn initial(name: &str) -> String {
    name.chars().next().map(String::from).unwrap_or_default()
}

/// What the layout shows.
pub struct Page {
    /// The direction of writing.
    pub dir: &'static str,
    pub title: String,
    pub service_name: String,
    pub home_url: String,
    pub logo_url: Option<String>,
    pub links: Vec<Link>,
    pub theme: Theme,
    /// The token of all forms on this page.
    pub csrf: String,
    /// This page, to come back to.
    pub here: String,
    pub notices: Vec<Notice>,
    pub nav: Vec<Item>,
    pub person: Option<Person>,
    /// Whether it is one of the operator's pages.
    pub is_console: bool,
    /// Scripts that the page loads, besides the one of all pages.
    pub scripts: Vec<&'static str>,
    /// Whether search engines may list it.
    pub is_public: bool,
    pub(super) app: crate::App,
}

impl Page {
    /// In front of the cookie's code for news that are not good.
    pub(super) const WARNING: &str = "warning.";

    pub(super) fn new(visit: &Visit, title: String) -> Self {
        let config = &visit.app.config;
        let branding = &config.branding;
        let mut page = Self {
            dir: visit.t.language().dir(),
            title,
            service_name: branding.service_name.clone(),
            home_url: branding
                .home_url
                .as_ref()
                .map_or_else(|| "/".to_owned(), ToString::to_string),
            logo_url: branding.logo_url.as_ref().map(ToString::to_string),
            links: links(visit),
            theme: visit.theme,
            csrf: visit.app.web.sealer.form_token(&visit.device_secret()),
            here: visit.path_and_query().to_owned(),
            notices: Vec::new(),
            nav: navigation(visit),
            person: visit.person(),
            is_console: visit.route.is_some_and(|route| route.who == Who::Admin),
            scripts: Vec::new(),
            is_public: false,
            app: visit.app.clone(),
        };
        if let Some(code) = visit.cookies.get(Cookie::Flash) {
            visit.cookies.remove(Cookie::Flash);
            let (tone, code) = match code.strip_prefix(Self::WARNING) {
                Some(code) => (Tone::Warning, code),
                None => (Tone::Success, code),
            };
            if let Some(flash) = Flash::by_code(code) {
                page.tell(tone, flash.text(visit.t));
            }
        }
        page
    }

    /// Adds a notice.
    pub fn tell(&mut self, tone: Tone, text: impl std::fmt::Display) {
        self.notices.push(Notice { tone, text: Html::escaping(text) });
    }

    /// Has the page load a script of ours, by file name.
    pub fn load(&mut self, script: &'static str) {
        self.scripts.push(assets::url(script));
    }

    pub fn look(&self) -> &Look {
        &self.app.web.look
    }

    /// `ltr` or `rtl`.
    pub fn dir(&self) -> &'static str {
        self.dir
    }

    pub fn has_backdrop(&self) -> bool {
        let branding = &self.app.config.branding;
        branding.background_light.is_some() || branding.background_dark.is_some()
    }

    /// The script of all pages.
    pub fn common_script(&self) -> &'static str {
        assets::url("page.js")
    }

    pub fn favicon(&self) -> &'static str {
        assets::url("icon.svg")
    }

    pub fn languages(&self) -> &'static [Language] {
        Language::ALL
    }

    pub fn themes(&self) -> [Theme; 3] {
        Theme::ALL
    }
}

fn links(visit: &Visit) -> Vec<Link> {
    let config = &visit.app.config;
    let t = visit.t;
    let home = config.branding.home_url.as_ref().map(ToString::to_string);
    let support = config.branding.support_url.as_ref().map(ToString::to_string);
    [
        ("home", home, t.layout_home()),
        ("terms-of-service", config.links.terms_of_service.clone(), t.layout_terms()),
        ("privacy-policy", config.links.privacy_policy.clone(), t.layout_privacy()),
        ("help", support, t.layout_support()),
    ]
    .into_iter()
    .filter_map(|(rel, href, label)| Some(Link { rel, href: href?, label }))
    .collect()
}

/// The pages beside this one: all with an entry that are for the same people.
fn navigation(visit: &Visit) -> Vec<Item> {
    let Some(route) = visit.route.filter(|route| matches!(route.who, Who::Account | Who::Admin))
    else {
        return Vec::new();
    };
    let exists = |other: &&Route| (other.exists)(&visit.app.config);
    let beside = table::all().iter().filter(|other| other.who == route.who).filter(exists);
    // The longest path that this page is at or below.
    let current = beside
        .clone()
        .filter(|other| other.entry.is_some() && is_below(route.path, other.path))
        .max_by_key(|other| other.path.len())
        .map(|other| other.path);
    let item = |other: &Route| {
        let entry = other.entry?;
        Some(Item {
            href: other.path.replace("{account}", visit.param("account")),
            label: (entry.label)(visit.t),
            icon: entry.icon,
            is_current: Some(other.path) == current,
        })
    };
    beside.filter_map(item).collect()
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What a page is allowed besides what all are.
#[derive(Clone, Default)]
pub struct Allowed {
    forms: Forms,
    /// Where its scripts may send requests, besides the origin that they come from.
    requests: String,
    /// Whether it shows frames of this server.
    frames: bool,
    /// Whether it is no page but something that a person has uploaded: nothing in it may run.
    is_file: bool,
}

/// Where forms may lead. Browsers look at the redirects after them too.
#[derive(Clone, Default)]
enum Forms {
    /// To this server.
    #[default]
    Here,
    /// To the app, too, that this scheme belongs to.
    App(String),
    Anywhere,
}

impl Allowed {
    /// Forms lead to the app, too, that the scheme of `target` belongs to.
    pub fn forms_to(target: &url::Url) -> Self {
        Self { forms: Forms::App(target.scheme().to_owned()), ..Self::default() }
    }

    /// Forms lead wherever the site sends the browser that they lead to.
    pub fn forms_anywhere() -> Self {
        Self { forms: Forms::Anywhere, ..Self::default() }
    }

    /// The directive of the policy that says where forms lead; empty where they lead anywhere.
    pub fn forms(&self) -> String {
        match &self.forms {
            Forms::Here => "; form-action 'self'".to_owned(),
            Forms::App(scheme) => format!("; form-action 'self' {scheme}:"),
            Forms::Anywhere => String::new(),
        }
    }

    /// Frames of this server.
    pub fn frames() -> Self {
        Self { frames: true, ..Self::default() }
    }

    /// A file to keep, not to look at.
    pub fn file() -> Self {
        Self { is_file: true, ..Self::default() }
    }

    /// Scripts ask the server at this origin.
    pub fn requests_to(origin: &str) -> Self {
        Self { requests: format!(" {origin}"), ..Self::default() }
    }
}

/// What an uploaded file may do where a browser shows it all the same.
const FILE_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox";

/// What every answer of the pages says to the browser.
pub(super) fn secure(app: &crate::App, headers: &mut HeaderMap, allowed: &Allowed) {
    let fixed = [
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            header::HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=(), \
             publickey-credentials-get=(self), publickey-credentials-create=(self)",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.config.public_url.starts_with("https:") {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=63072000"),
        );
    }
    let frames = if allowed.frames { "; frame-src 'self'" } else { "" };
    let (policy, requests) = if allowed.is_file {
        (FILE_POLICY, String::new())
    } else {
        (app.web.look.policy.as_str(), format!("; connect-src 'self'{}", allowed.requests))
    };
    let forms = allowed.forms();
    if let Ok(policy) = HeaderValue::try_from(format!("{policy}{requests}{frames}{forms}")) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_belongs_to_the_entry_above_it() {
        assert!(is_below("/admin/accounts/{did}", "/admin/accounts"));
        assert!(is_below("/admin", "/admin"));
        assert!(!is_below("/admin/accounts-old", "/admin/accounts"));
    }
}
