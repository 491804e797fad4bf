//! The wording of what the server sends: codes that prove that someone reads an account's mailbox, and news.
//!
//! Each letter is one wording in two forms, plain text and HTML, made from the same fields by two templates. Everything
//! that stands in the HTML form is escaped by the template engine.

use askama::Template;
use cairn_store::MailPurpose;
use jiff::Timestamp;

use crate::branding::Color;
use crate::config::ServerConfig;

use super::Mail;

/// Opens a client that confirms the address. Interop: the reference implementation's.
const CONFIRMATION_PAGE: &str = "https://bsky.app/intent/verify-email";

/// What a letter with a code is made from.
pub struct Code<'a> {
    pub purpose: MailPurpose,
    /// The account's handle.
    pub handle: &'a str,
    pub code: &'a str,
}

#[derive(Template)]
#[template(path = "mail/code.html")]
struct HtmlForm<'a>(Form<'a>);

#[derive(Template)]
#[template(path = "mail/code.txt")]
struct TextForm<'a>(Form<'a>);

#[derive(Clone)]
struct Form<'a> {
    subject: &'static str,
    handle: &'a str,
    lead: &'static str,
    code: &'a str,
    link: Option<String>,
    warning: &'static str,
    service_name: &'a str,
    home_url: &'a str,
    logo_url: Option<&'a str>,
    color: Color,
}

#[derive(Template)]
#[template(path = "mail/news.html")]
struct HtmlNews<'a>(News<'a>);

#[derive(Template)]
#[template(path = "mail/news.txt")]
struct TextNews<'a>(News<'a>);

#[derive(Clone)]
struct News<'a> {
    subject: &'static str,
    handle: &'a str,
    lead: &'static str,
    service_name: &'a str,
    home_url: &'a str,
    logo_url: Option<&'a str>,
    color: Color,
}

/// Tells somebody who waited that the account is there.
pub fn approved(config: &ServerConfig, to: &str, handle: &str, now: Timestamp) -> Mail {
    let branding = &config.branding;
    let news = News {
        subject: "Your Account Is Ready",
        handle,
        lead: "Your account has been approved. Sign in with the password that you have chosen.",
        service_name: &branding.service_name,
        home_url: branding.home_url.as_ref().map_or(config.public_url.as_str(), url::Url::as_str),
        logo_url: branding.logo_url.as_ref().map(url::Url::as_str),
        color: branding.primary_color,
    };
    let subject = news.subject;
    let html = HtmlNews(news.clone()).render();
    let text = TextNews(news).render();
    let text = text.expect("a template of text and known fields does not fail");
    let html = html.expect("a template of text and known fields does not fail");
    Mail::new(to, subject, text, now).with_html(html)
}

/// A mail with a code, to one address.
pub fn code(config: &ServerConfig, to: &str, letter: &Code<'_>, now: Timestamp) -> Mail {
    let wording = Wording::of(letter.purpose);
    let branding = &config.branding;
    let form = Form {
        subject: wording.subject,
        handle: letter.handle,
        lead: wording.lead,
        code: letter.code,
        link: link(config, letter),
        warning: wording.warning,
        service_name: &branding.service_name,
        home_url: branding.home_url.as_ref().map_or(config.public_url.as_str(), url::Url::as_str),
        logo_url: branding.logo_url.as_ref().map(url::Url::as_str),
        color: branding.primary_color,
    };
    let html = HtmlForm(form.clone()).render();
    let text = TextForm(form).render();
    let text = text.expect("a template of text and known fields does not fail");
    let html = html.expect("a template of text and known fields does not fail");
    Mail::new(to, wording.subject, text, now).with_html(html)
}

/// Where the code can be used with one click.
fn link(config: &ServerConfig, letter: &Code<'_>) -> Option<String> {
    let has_link = letter.purpose == MailPurpose::ConfirmEmail && config.email_confirmation_link;
    has_link.then(|| format!("{CONFIRMATION_PAGE}?code={}", letter.code))
}

/// What depends on the purpose.
struct Wording {
    subject: &'static str,
    lead: &'static str,
    warning: &'static str,
}

impl Wording {
    /// Interop: the first five subjects are the reference implementation's, so that filters go on working.
    fn of(purpose: MailPurpose) -> Self {
        const IGNORE: &str = "If you did not ask for it, ignore this message.";
        let (subject, lead, warning) = match purpose {
            MailPurpose::ConfirmEmail => (
                "Email Confirmation",
                "With this code you confirm that this is the e-mail address of your account.",
                IGNORE,
            ),
            MailPurpose::UpdateEmail => (
                "Email Update Requested",
                "With this code you can change the e-mail address of your account, or the way you sign in.",
                "If you did not ask for it, somebody else is signed in to your account: change your password.",
            ),
            MailPurpose::ResetPassword => (
                "Password Reset Requested",
                "With this code you can set a new password for your account.",
                IGNORE,
            ),
            MailPurpose::DeleteAccount => (
                "Account Deletion Requested",
                "With this code your account is deleted with everything in it, for good.",
                "If you did not ask for it, do not give this code to anybody, and change your password.",
            ),
            MailPurpose::PlcOperation => (
                "PLC Update Operation Requested",
                "With this code the identity of your account can be changed, as for a move to another server.",
                "Whoever has this code can take your account away. If you did not ask for it, do not give it \
                 to anybody, and change your password.",
            ),
            MailPurpose::SignIn => (
                "Sign-in Code",
                "Somebody who knows your password is signing in to your account. If it is you, this is the code to go on.",
                "If it is not you, do not give this code to anybody, and change your password.",
            ),
        };
        Self { subject, lead, warning }
    }
}
