//! The letters that the server writes: codes that prove that someone reads an account's mailbox, and news. What they say
//! stands in the catalogues, as for the pages.
//!
//! Each letter is one wording in two forms, plain text and HTML, made from the same fields by two templates. Everything
//! that stands in the HTML form is escaped by the template engine.

use askama::Template;
use cairn_model::Did;
use cairn_store::{MailPurpose, SessionClient};
use jiff::Timestamp;

use crate::branding::Color;
use crate::config::ServerConfig;
use crate::i18n::Text;
use crate::web::format::time;

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
    t: Text,
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
    t: Text,
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
pub fn approved(config: &ServerConfig, t: Text, to: &str, handle: &str, now: Timestamp) -> Mail {
    let letter = News {
        t,
        subject: t.mail_approved_subject(),
        handle,
        lead: t.mail_approved_lead(),
        facts: Vec::new(),
        advice: "",
        link: Some(account_link(config, t.sign_in_title())),
        brand: Brand::of(config),
    };
    news(to, letter, now)
}

/// Tells somebody for whom the operator has made an account how to come by its password. The way does not age: the page that
/// it leads to mails a code.
pub fn account_made(
    config: &ServerConfig,
    t: Text,
    to: &str,
    handle: &str,
    now: Timestamp,
) -> Mail {
    let url = format!("{}/account/reset-password?login_hint={handle}", config.public_url);
    let letter = News {
        t,
        subject: t.mail_account_made_subject(),
        handle,
        lead: t.mail_account_made_lead(),
        facts: Vec::new(),
        advice: t.mail_account_made_advice(),
        link: Some(Link { url, label: t.reset_confirm_title() }),
        brand: Brand::of(config),
    };
    news(to, letter, now)
}

/// Tells the owner that the account goes by itself.
pub fn deletion_ahead(
    config: &ServerConfig,
    t: Text,
    to: &str,
    handle: &str,
    at: Timestamp,
    now: Timestamp,
) -> Mail {
    let letter = News {
        t,
        subject: t.mail_deletion_subject(),
        handle,
        lead: t.mail_deletion_lead(),
        facts: vec![(t.mail_time(), time(at))],
        advice: t.mail_deletion_advice(),
        link: Some(account_link(config, t.sign_in_title())),
        brand: Brand::of(config),
    };
    news(to, letter, now)
}

fn account_link(config: &ServerConfig, label: &'static str) -> Link {
    Link { url: format!("{}/account", config.public_url), label }
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
pub fn code(config: &ServerConfig, t: Text, to: &str, letter: &Code<'_>, now: Timestamp) -> Mail {
    let wording = Wording::of(t, letter.purpose);
    let form = Form {
        t,
        subject: wording.subject,
        handle: letter.handle,
        lead: wording.lead,
        code: letter.code,
        link: link(config, t, letter),
        warning: wording.warning,
        brand: Brand::of(config),
    };
    let html = HtmlForm(form.clone()).render();
    let text = TextForm(form).render();
    let text = text.expect("a template of text and known fields does not fail");
    let html = html.expect("a template of text and known fields does not fail");
    Mail::new(to, wording.subject, text, now).with_html(html)
}

/// What happened to an account that its owner hears of, whoever did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// On a browser that was not used for the account before.
    SignIn,
    NewPassword,
    /// With a mailed code.
    PasswordReset,
    /// Passkeys are enough from now on.
    PasswordRemoved,
    /// By a passkey, where there was none.
    PasswordSet,
    AppPasswordMade,
    /// Goes to the address before.
    NewEmail,
    PasskeyAdded,
    PasskeyRemoved,
    AppAdded,
    AppRemoved,
    MailedCodesOn,
    MailedCodesOff,
    RecoveryCodesRenewed,
    RecoveryCodeUsed,
    /// The operator has removed everything that is asked for besides the password.
    FactorsRemoved,
}

/// What a letter about an event is made from.
pub struct Alert<'a> {
    pub event: Event,
    /// The account's handle.
    pub handle: &'a str,
    /// Whose browser or app it was, if that is to be told.
    pub client: Option<&'a SessionClient>,
}

/// A mail that tells the owner of an event.
pub fn alert(config: &ServerConfig, t: Text, to: &str, letter: &Alert<'_>, now: Timestamp) -> Mail {
    let wording = Wording::of_event(t, letter.event);
    let letter = News {
        t,
        subject: wording.subject,
        handle: letter.handle,
        lead: wording.lead,
        facts: std::iter::once((t.mail_time(), time(now)))
            .chain(letter.client.into_iter().flat_map(|client| client_facts(t, client)))
            .collect(),
        advice: wording.warning,
        link: Some(account_link(config, t.mail_look())),
        brand: Brand::of(config),
    };
    news(to, letter, now)
}

fn client_facts(t: Text, client: &SessionClient) -> [(&'static str, String); 2] {
    let browser = client.user_agent.as_deref().unwrap_or(t.mail_browser_unsaid());
    [
        (t.mail_address(), client.ip.clone().unwrap_or_default()),
        (t.mail_browser(), browser.chars().take(MAX_BROWSER_CHARS).collect()),
    ]
}

/// The page of ours where the code is typed in already. Opening it changes nothing; a button there does.
fn link(config: &ServerConfig, t: Text, letter: &Code<'_>) -> Option<Link> {
    let (url, code, did) = (&config.public_url, letter.code, letter.did);
    match letter.purpose {
        MailPurpose::ConfirmEmail if config.email_confirmation_link => Some(Link {
            url: format!("{url}/account/confirm-email?account={did}&code={code}"),
            label: t.confirm_email_button(),
        }),
        MailPurpose::ResetPassword => Some(Link {
            url: format!("{url}/account/reset-password/confirm?code={code}"),
            label: t.reset_title(),
        }),
        _ => None,
    }
}

/// What depends on the occasion.
struct Wording {
    subject: &'static str,
    lead: &'static str,
    warning: &'static str,
}

impl Wording {
    /// Interop: in English, the first five subjects are the reference implementation's, so that filters go on working.
    fn of(t: Text, purpose: MailPurpose) -> Self {
        let (subject, lead, warning) = match purpose {
            MailPurpose::ConfirmEmail => {
                (t.mail_confirm_email_subject(), t.mail_confirm_email_lead(), t.mail_ignore())
            }
            MailPurpose::UpdateEmail => (
                t.mail_update_email_subject(),
                t.mail_update_email_lead(),
                t.mail_update_email_warning(),
            ),
            MailPurpose::ResetPassword => {
                (t.mail_reset_subject(), t.mail_reset_lead(), t.mail_ignore())
            }
            MailPurpose::DeleteAccount => {
                (t.mail_delete_subject(), t.mail_delete_lead(), t.mail_keep_code())
            }
            MailPurpose::PlcOperation => {
                (t.mail_identity_subject(), t.mail_identity_lead(), t.mail_identity_warning())
            }
            MailPurpose::SignIn => {
                (t.mail_sign_in_code_subject(), t.mail_sign_in_code_lead(), t.mail_not_you())
            }
        };
        Self { subject, lead, warning }
    }

    fn of_event(t: Text, event: Event) -> Self {
        let (subject, lead, warning) = match event {
            Event::SignIn => (t.mail_alert_subject(), t.mail_alert_lead(), t.mail_alert_advice()),
            Event::NewPassword => (
                t.mail_new_password_subject(),
                t.mail_new_password_lead(),
                t.mail_new_password_advice(),
            ),
            Event::PasswordReset => (
                t.mail_new_password_subject(),
                t.mail_password_reset_lead(),
                t.mail_new_password_advice(),
            ),
            Event::PasswordRemoved => (
                t.mail_password_removed_subject(),
                t.mail_password_removed_lead(),
                t.mail_new_password_advice(),
            ),
            Event::PasswordSet => {
                (t.mail_password_set_subject(), t.mail_password_set_lead(), t.mail_factor_advice())
            }
            Event::AppPasswordMade => (
                t.mail_app_password_subject(),
                t.mail_app_password_lead(),
                t.mail_app_password_advice(),
            ),
            Event::NewEmail => {
                (t.mail_new_email_subject(), t.mail_new_email_lead(), t.mail_new_email_advice())
            }
            Event::PasskeyAdded => {
                (t.mail_passkey_added(), t.mail_passkey_added_lead(), t.mail_factor_advice())
            }
            Event::PasskeyRemoved => {
                (t.mail_passkey_removed(), t.mail_passkey_removed_lead(), t.mail_factor_advice())
            }
            Event::AppAdded => {
                (t.mail_app_added(), t.mail_app_added_lead(), t.mail_factor_advice())
            }
            Event::AppRemoved => {
                (t.mail_app_removed(), t.mail_app_removed_lead(), t.mail_factor_advice())
            }
            Event::MailedCodesOn => {
                (t.mail_codes_on(), t.mail_codes_on_lead(), t.mail_factor_advice())
            }
            Event::MailedCodesOff => {
                (t.mail_codes_off(), t.mail_codes_off_lead(), t.mail_factor_advice())
            }
            Event::RecoveryCodesRenewed => {
                (t.mail_recovery_renewed(), t.mail_recovery_renewed_lead(), t.mail_factor_advice())
            }
            Event::RecoveryCodeUsed => {
                (t.mail_recovery_used(), t.mail_recovery_used_lead(), t.mail_factor_advice())
            }
            Event::FactorsRemoved => {
                (t.mail_factors_removed(), t.mail_factors_removed_lead(), t.mail_factor_advice())
            }
        };
        Self { subject, lead, warning }
    }
}
