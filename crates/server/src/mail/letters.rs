//! The wording of what the server sends: codes that prove that someone reads an account's mailbox, and news.
//!
//! Each letter is one wording in two forms, plain text and HTML, made from the same fields by two templates. Everything
//! that stands in the HTML form is escaped by the template engine.

use askama::Template;
use cairn_model::Did;
use cairn_store::MailPurpose;
use jiff::Timestamp;

use crate::branding::Color;
use crate::config::ServerConfig;

use super::Mail;

/// What a letter with a code is made from.
pub struct Code<'a> {
    pub purpose: MailPurpose,
    pub did: &'a Did,
    /// The account's handle.
    pub handle: &'a str,
    pub code: &'a str,
}

#[derive(Clone)]
struct Link {
    url: String,
    label: &'static str,
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
    link: Option<Link>,
    warning: &'static str,
    brand: Brand<'a>,
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
    facts: Vec<(&'static str, String)>,
    /// What to do now.
    advice: &'static str,
    link: Option<Link>,
    brand: Brand<'a>,
}

/// How the server presents itself.
#[derive(Clone)]
struct Brand<'a> {
    service_name: &'a str,
    home_url: &'a str,
    logo_url: Option<&'a str>,
    color: Color,
}

impl<'a> Brand<'a> {
    fn of(config: &'a ServerConfig) -> Self {
        let branding = &config.branding;
        let home = branding.home_url.as_ref();
        Self {
            service_name: &branding.service_name,
            home_url: home.map_or(config.public_url.as_str(), url::Url::as_str),
            logo_url: branding.logo_url.as_ref().map(url::Url::as_str),
            color: branding.primary_color,
        }
    }
}

/// Browsers say too much of themselves.
const MAX_BROWSER_CHARS: usize = 200;

/// Tells somebody who waited that the account is there.
pub fn approved(config: &ServerConfig, to: &str, handle: &str, now: Timestamp) -> Mail {
    let subject = "Your Account Is Ready";
    let lead = "Your account has been approved. Sign in with the password that you have chosen.";
    let link = Link { url: format!("{}/account", config.public_url), label: "Sign in" };
    let brand = Brand::of(config);
    let (facts, advice) = (Vec::new(), "");
    news(to, News { subject, handle, lead, facts, advice, link: Some(link), brand }, now)
}

fn news(to: &str, news: News<'_>, now: Timestamp) -> Mail {
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
    let form = Form {
        subject: wording.subject,
        handle: letter.handle,
        lead: wording.lead,
        code: letter.code,
        link: link(config, letter),
        warning: wording.warning,
        brand: Brand::of(config),
    };
    let html = HtmlForm(form.clone()).render();
    let text = TextForm(form).render();
    let text = text.expect("a template of text and known fields does not fail");
    let html = html.expect("a template of text and known fields does not fail");
    Mail::new(to, wording.subject, text, now).with_html(html)
}

/// What a letter about a sign-in is made from.
pub struct SignInAlert<'a> {
    /// The account's handle.
    pub handle: &'a str,
    /// What the browser says of itself.
    pub browser: Option<&'a str>,
    /// Its IP address.
    pub address: &'a str,
}

/// A mail that tells the owner of a sign-in.
pub fn sign_in_alert(
    config: &ServerConfig,
    to: &str,
    letter: &SignInAlert<'_>,
    now: Timestamp,
) -> Mail {
    let browser = letter.browser.unwrap_or("not said");
    let letter = News {
        subject: "New sign-in to your account",
        handle: letter.handle,
        lead: "Somebody signed in to your account on a browser that was not used for it before.",
        facts: vec![
            ("Time", now.strftime("%-d %B %Y, %H:%M UTC").to_string()),
            ("Address", letter.address.to_owned()),
            ("Browser", browser.chars().take(MAX_BROWSER_CHARS).collect()),
        ],
        advice: "If it was you, there is nothing to do. If it was not, change your password and sign that browser out.",
        link: Some(Link {
            url: format!("{}/account", config.public_url),
            label: "Look at your account",
        }),
        brand: Brand::of(config),
    };
    news(to, letter, now)
}

/// The page of ours where the code is typed in already. Opening it changes nothing; a button there does.
fn link(config: &ServerConfig, letter: &Code<'_>) -> Option<Link> {
    let (url, code, did) = (&config.public_url, letter.code, letter.did);
    match letter.purpose {
        MailPurpose::ConfirmEmail if config.email_confirmation_link => Some(Link {
            url: format!("{url}/account/confirm-email?account={did}&code={code}"),
            label: "Confirm the address",
        }),
        MailPurpose::ResetPassword => Some(Link {
            url: format!("{url}/account/reset-password/confirm?code={code}"),
            label: "Set a new password",
        }),
        _ => None,
    }
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
