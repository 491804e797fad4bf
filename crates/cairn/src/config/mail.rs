//! Mail: how it leaves, and how it looks.

use cairn_server::branding::{Branding, Color};
use cairn_server::mail::{Route, Sender};

use super::load::Raw;
use super::{ConfigError, url};

/// Where mail goes.
#[derive(Debug)]
pub(crate) struct Mail {
    /// For what the server writes by itself; without it, mail waits for the operator.
    pub(crate) accounts: Option<WayOut>,
    /// For what moderators write; the other one if there is none.
    pub(crate) moderation: Option<WayOut>,
    pub(crate) confirmation_link: bool,
    /// Whether owners hear of sign-ins on new browsers.
    pub(crate) sign_in_alerts: bool,
}

/// A way out and who mail comes from.
#[derive(Debug, Clone)]
pub(crate) struct WayOut {
    pub(crate) route: Route,
    pub(crate) sender: Sender,
}

/// Reads the options. Sentences about what has no effect are added to `warnings`.
pub(super) fn mail(
    raw: &Raw,
    hostname: &str,
    branding: &Branding,
    warnings: &mut Vec<String>,
) -> Result<Mail, ConfigError> {
    let name = branding.service_name.as_str();
    let accounts = way_out(raw, "email_smtp_url", "email_from_address", hostname, name)?;
    let moderation =
        way_out(raw, "moderation_email_smtp_url", "moderation_email_address", hostname, name)?;
    for way in accounts.iter().chain(&moderation) {
        for parameter in way.route.ignored() {
            warnings.push(format!(
                "the URL of the mail server has the parameter `{parameter}`, and Cairn has no use for it"
            ));
        }
    }
    let disabled = raw.flag("email_disable_confirmation_link")?.unwrap_or(false);
    let sign_in_alerts = raw.flag("sign_in_alerts")?.unwrap_or(true);
    Ok(Mail { accounts, moderation, confirmation_link: !disabled, sign_in_alerts })
}

fn way_out(
    raw: &Raw,
    url_key: &'static str,
    from_key: &'static str,
    hostname: &str,
    name: &str,
) -> Result<Option<WayOut>, ConfigError> {
    let route = raw.parsed(
        url_key,
        "an smtp:// or smtps:// URL (special characters in user and password percent-encoded), or sendmail:",
        |text| Route::parse(text).ok(),
    )?;
    let sender = raw.parsed(from_key, "an e-mail address, or NAME <ADDRESS>", |text| {
        Sender::new(text, name, hostname).ok()
    })?;
    match (route, sender) {
        (Some(route), Some(sender)) => Ok(Some(WayOut { route, sender })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(ConfigError::Needs { key: url_key, needs: from_key }),
        (None, Some(_)) => Err(ConfigError::Needs { key: from_key, needs: url_key }),
    }
}

/// Reads the options of how the server presents itself.
pub(super) fn branding(raw: &Raw, hostname: &str) -> Result<Branding, ConfigError> {
    let link = |key| {
        let text = url(raw, key)?;
        Ok(text.and_then(|text| url::Url::parse(&text).ok()))
    };
    let color = |key| raw.parsed(key, "a colour like #2f6b54 or rgb(47, 107, 84)", Color::parse);
    Ok(Branding {
        service_name: raw.text("service_name").unwrap_or_else(|| format!("{hostname} PDS")),
        home_url: link("home_url")?,
        support_url: link("support_url")?,
        logo_url: link("logo_url")?,
        primary_color: color("primary_color")?.unwrap_or(Color::DEFAULT),
        error_color: color("error_color")?,
        warning_color: color("warning_color")?,
        info_color: color("info_color")?,
        success_color: color("success_color")?,
        background_light: link("background_light_url")?,
        background_dark: link("background_dark_url")?,
    })
}
