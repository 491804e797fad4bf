//! `/admin/accounts/new`: an account that the operator makes for somebody, whatever the rule for sign-ups is.

use askama::Template;
use cairn_store::{Account, AccountRef};
use data_encoding::BASE32_NOPAD;

use super::super::account::Said;
use super::super::error::PageError;
use super::super::form::Form;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::typed;
use crate::accounts::create::{self, Outcome, Wanted};
use crate::accounts::handle_policy::Domain;
use crate::accounts::identity::shown_handle;
use crate::accounts::{email, mailing};
use crate::auth::Newcomer;
use crate::error::XrpcError;
use crate::mail::letters;

#[derive(Template)]
#[template(path = "admin/new_account.html")]
struct Making {
    page: Page,
    t: Text,
    form: Form,
    domains: String,
    kinds: [Choice; Kind::ALL.len()],
}

struct Choice {
    value: &'static str,
    label: &'static str,
    detail: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "admin/account_made.html")]
struct Made {
    page: Page,
    t: Text,
    base: String,
    handle: String,
    email: String,
    password: String,
}

/// How the owner comes by a password.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is made here and shown once.
    Made,
    /// The owner chooses one, on the way that a letter shows.
    Mailed,
    /// The operator types it.
    Given,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Made, Self::Mailed, Self::Given];

    /// In the form.
    fn name(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Mailed => "mailed",
            Self::Given => "given",
        }
    }

    fn words(self, t: Text) -> (&'static str, &'static str) {
        match self {
            Self::Made => (t.new_account_made(), t.new_account_made_detail()),
            Self::Mailed => (t.new_account_mailed(), t.new_account_mailed_detail()),
            Self::Given => (t.new_account_given(), t.new_account_given_detail()),
        }
    }
}

impl Making {
    fn new(visit: &Visit, form: Form) -> Self {
        let t = visit.t;
        let kinds = Kind::ALL.map(|kind| {
            let (label, detail) = kind.words(t);
            let value = kind.name();
            Choice { value, label, detail, is_chosen: form.value("kind") == value }
        });
        Self {
            page: visit.page(t.new_account_title()),
            t,
            form,
            domains: visit.app.config.handle_domains.join(", "),
            kinds,
        }
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let mut form = Form::new();
    form.set("kind", Kind::Made.name());
    visit.html(&Making::new(&visit, form))
}

/// `/admin/accounts/new/handle`: for the script that asks while somebody types.
pub async fn availability(visit: Visit) -> PageResult {
    let t = visit.t;
    let mut form = Form::new();
    let handle = wanted_handle(&visit, visit.query.get("handle"), &mut form).await?;
    let said = match (handle, form.error("handle")) {
        (Some(handle), _) => Said { is_free: true, text: t.sign_up_handle_free(handle) },
        (None, error) => Said { is_free: false, text: error.unwrap_or_default().to_owned() },
    };
    visit.html(&said)
}

pub async fn submit(visit: Visit) -> PageResult {
    let mut form = Form::of(&visit.form, &["handle", "email", "kind"]);
    let Some((kind, wanted)) = check(&visit, &mut form).await? else {
        return visit.refused(&Making::new(&visit, form));
    };
    let password = wanted.password.clone().unwrap_or_default();
    match Box::pin(create::create(&visit.app, &Newcomer::Admin, wanted)).await {
        Ok(Outcome::Account(account)) => done(&visit, kind, &account, password),
        Ok(Outcome::Applicant(applicant)) => {
            let did = applicant.did;
            Err(XrpcError::internal(format!("{did} waits, and the operator made it")).into())
        }
        Err(err) => {
            refuse(&mut form, err, visit.t)?;
            visit.refused(&Making::new(&visit, form))
        }
    }
}

/// What can be made an account of; the form says what is wrong with the rest.
async fn check(visit: &Visit, form: &mut Form) -> Result<Option<(Kind, Wanted)>, PageError> {
    let (t, sent) = (visit.t, &visit.form);
    let handle = wanted_handle(visit, sent.get("handle"), form).await?;
    let address = typed::address(visit, form);
    if let Some(address) = &address {
        if email::parse_chosen(address, &visit.app.config.disposable_domains).is_err() {
            form.refuse("email", t.sign_up_email_disposable());
        } else if create::is_held(&visit.app, AccountRef::Email(address.clone())).await? {
            form.refuse("email", t.email_taken());
        }
    }
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == sent.get("kind"));
    let password = match kind {
        None => {
            form.refuse("kind", t.new_account_kind_missing());
            String::new()
        }
        Some(Kind::Given) => {
            super::super::account::check_chosen(form, sent, t);
            sent.exact("password").to_owned()
        }
        // Nobody learns that of a letter's: the owner sets another.
        Some(Kind::Made | Kind::Mailed) => made_password(),
    };
    let all = handle.zip(address).zip(kind).filter(|_| !form.is_refused());
    Ok(all.map(|((handle, address), kind)| {
        let wanted = Wanted {
            handle: handle.to_string(),
            email: Some(address),
            password: Some(password),
            passkey: None,
            invite_code: None,
            did: None,
            recovery_key: None,
        };
        (kind, wanted)
    }))
}

/// The handle that was typed, if an account that is made here can have it.
async fn wanted_handle(
    visit: &Visit,
    typed: &str,
    form: &mut Form,
) -> Result<Option<cairn_model::Handle>, XrpcError> {
    let Some((handle, domain)) = typed::handle(visit, typed, form) else { return Ok(None) };
    if domain == Domain::External {
        form.refuse("handle", visit.t.new_account_external());
        return Ok(None);
    }
    if create::is_handle_held(&visit.app, &handle).await? {
        form.refuse("handle", visit.t.sign_up_handle_taken());
        return Ok(None);
    }
    Ok(Some(handle))
}

/// 80 bits, in groups that can be read out: `xxxx-xxxx-xxxx-xxxx`.
fn made_password() -> String {
    let letters = BASE32_NOPAD.encode(&cairn_identity::random_bytes::<10>()).to_ascii_lowercase();
    let mut password = String::with_capacity(19);
    for (at, letter) in letters.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            password.push('-');
        }
        password.push(letter);
    }
    password
}

/// What was all right a moment ago and is not any more, or what another server has not done.
///
/// # Errors
/// What nobody can do anything about in the form.
fn refuse(form: &mut Form, err: XrpcError, t: Text) -> Result<(), XrpcError> {
    match err.name() {
        "HandleNotAvailable" => form.refuse("handle", t.sign_up_handle_taken()),
        "UpstreamFailure" | "UpstreamTimeout" => {
            tracing::warn!(error = %err, "an account was not made");
            form.refuse("", t.sign_up_directory_away());
        }
        _ => return Err(err),
    }
    Ok(())
}

fn done(visit: &Visit, kind: Kind, account: &Account, password: String) -> PageResult {
    let (t, app) = (visit.t, &visit.app);
    let base = Local::of_console(&account.did, "");
    let to = account.email.clone().unwrap_or_default();
    let handle = shown_handle(account);
    match kind {
        // Answers with the password itself: it is stored nowhere that another page could show it from.
        Kind::Made => visit.html(&Made {
            page: visit.page(t.new_account_done()),
            t,
            base: base.to_string(),
            handle,
            email: to,
            password,
        }),
        Kind::Given => visit.redirect_saying(base, Flash::AccountMade),
        Kind::Mailed => {
            let now = app.clock.now();
            let letter = letters::account_made(&app.config, Text::default(), &to, &handle, now);
            mailing::post_later(app, &account.did, letter);
            if app.mailer.is_configured() {
                visit.redirect_saying(base, Flash::AccountMadeAndMailed)
            } else {
                visit.redirect_warning(base, Flash::AccountMadeAndWaits)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_are_made_are_long_random_and_readable() {
        let (one, other) = (made_password(), made_password());
        assert_ne!(one, other);
        assert_eq!(one.split('-').map(str::len).collect::<Vec<_>>(), [4; 4]);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{one}");
    }
}
