//! `/account/move-in`: bringing an account of another server here. One page asks for everything; what follows is seen on the
//! page of the account, [`super::data`].

use askama::Template;
use cairn_store::{Account, Factor};

use super::super::error::PageError;
use super::super::form::Form;
use super::super::i18n::Text;
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::reset_password::check_chosen;
use super::signing_in;
use crate::accounts::create::Outcome;
use crate::accounts::identifier;
use crate::accounts::moving::{self, Newcoming, OldError, OldServer, Origin, OriginError};
use crate::config::{ServerConfig, SignUp as Rule};
use crate::error::XrpcError;

#[derive(Template)]
#[template(path = "account/move_in.html")]
struct MoveIn {
    page: Page,
    t: Text,
    form: Form,
    domains: Vec<String>,
    is_closed: bool,
    needs_invite: bool,
    needs_approval: bool,
    /// Whether the old server wants a code besides the password.
    wants_code: bool,
}

const FIELDS: &[&str] = &["from", "old_code", "handle", "email", "invite"];

impl MoveIn {
    fn new(visit: &Visit, form: Form) -> Self {
        let config = &visit.app.config;
        Self {
            page: visit.page(visit.t.arrive_title()),
            t: visit.t,
            domains: config.handle_domains.clone(),
            is_closed: !is_open(config),
            needs_invite: config.sign_up == Rule::Invite,
            needs_approval: config.sign_up == Rule::Approval,
            wants_code: form.has("old_code") || form.error("old_code").is_some(),
            form,
        }
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let form = Form::of(&visit.query, &["from", "handle", "invite"]);
    visit.html(&MoveIn::new(&visit, form))
}

pub async fn submit(visit: Visit) -> PageResult {
    let mut form = Form::of(&visit.form, FIELDS);
    check(&visit, &mut form);
    if !form.is_refused()
        && let Some(account) = Box::pin(arrive(&visit, &mut form)).await?
    {
        return match account {
            Outcome::Account(account) => welcome(&visit, account).await,
            Outcome::Applicant(_) => visit.redirect("/account/sign-up/waiting"),
        };
    }
    visit.refused(&MoveIn::new(&visit, form))
}

/// Whether accounts of other servers may come.
pub fn is_open(config: &ServerConfig) -> bool {
    config.sign_up != Rule::Closed && config.accepting_imports
}

fn check(visit: &Visit, form: &mut Form) {
    let (sent, t) = (&visit.form, visit.t);
    let config = &visit.app.config;
    if !is_open(config) {
        form.refuse("", t.arrive_closed(&config.branding.service_name));
    }
    form.require(sent, "from", t.arrive_from_missing());
    if sent.exact("old_password").is_empty() {
        form.refuse("old_password", t.arrive_old_password_missing());
    }
    check_chosen(form, sent, t);
    if visit.app.config.sign_up == Rule::Invite {
        form.require(sent, "invite", t.sign_up_invite_wrong());
    }
}

/// Signs in there and makes the account here; the form says what is in the way.
async fn arrive(visit: &Visit, form: &mut Form) -> Result<Option<Outcome>, PageError> {
    let (app, sent, t) = (&visit.app, &visit.form, visit.t);
    let origin = match moving::find(app, sent.get("from")).await {
        Ok(origin) => origin,
        Err(err) => {
            form.refuse("from", origin_text(&err, t));
            return Ok(None);
        }
    };
    let (old, address) = match sign_in(visit, &origin).await {
        Ok(signed_in) => signed_in,
        Err(err) => {
            refuse_sign_in(form, &err, t);
            return Ok(None);
        }
    };
    let handle = match (sent.get("handle"), &origin.handle) {
        ("", Some(handle)) => handle.to_string(),
        (name, _) => identifier::typed(name, &app.config.handle_domains),
    };
    let typed = Some(sent.get("email").to_lowercase()).filter(|email| !email.is_empty());
    let wanted = Newcoming {
        handle,
        email: typed.or(address),
        password: sent.exact("password").to_owned(),
        invite_code: Some(sent.get("invite").to_owned()),
    };
    let outcome = moving::arrive(app, &origin, &old, wanted).await;
    match &outcome {
        Ok(Outcome::Account(account)) => moving::begin(app, account, &origin.base, &old).await?,
        // Whoever tries again signs in there again.
        Ok(Outcome::Applicant(_)) | Err(_) => old.sign_out_later(),
    }
    match outcome {
        Ok(outcome) => Ok(Some(outcome)),
        Err(err) => {
            refuse(form, err, t)?;
            Ok(None)
        }
    }
}

/// Signs in at the old server with what the form says.
pub async fn sign_in(
    visit: &Visit,
    origin: &Origin,
) -> Result<(OldServer, Option<String>), OldError> {
    let code = Some(visit.form.get("old_code")).filter(|code| !code.is_empty());
    let password = visit.form.exact("old_password");
    OldServer::sign_in(&visit.app, origin.base.clone(), &origin.did, password, code).await
}

/// Says beside the field what the old server minds.
pub fn refuse_sign_in(form: &mut Form, err: &OldError, t: Text) {
    match err {
        OldError::Refused { name, .. } if name == "AuthFactorTokenRequired" => {
            form.refuse("old_code", t.arrive_old_code_missing());
            form.refuse("old_password", t.arrive_old_password_again());
        }
        OldError::Refused { name, .. } if name == "AccountTakedown" => {
            form.refuse("from", t.arrive_taken_down());
        }
        OldError::AppPassword => form.refuse("old_password", t.arrive_old_password_of_app()),
        OldError::Refused { status: 400 | 401, .. } if form.has("old_code") => {
            form.refuse("old_code", t.arrive_old_code_wrong());
        }
        OldError::Refused { status: 400 | 401, .. } => {
            form.refuse("old_password", t.arrive_old_password_wrong());
        }
        OldError::Refused { .. } | OldError::Away(_) => form.refuse("from", t.arrive_away()),
        OldError::SessionOver | OldError::Strange => form.refuse("from", t.arrive_strange()),
    }
}

pub fn origin_text(err: &OriginError, t: Text) -> &'static str {
    match err {
        OriginError::Name => t.arrive_from_missing(),
        OriginError::Unknown(_) => t.arrive_from_unknown(),
        OriginError::NoServer => t.arrive_no_server(),
        OriginError::Here => t.arrive_here(),
    }
}

fn refuse(form: &mut Form, err: XrpcError, t: Text) -> Result<(), PageError> {
    match err.name() {
        "InvalidInviteCode" => form.refuse("invite", t.sign_up_invite_wrong()),
        "HandleNotAvailable" => form.refuse("handle", t.sign_up_handle_taken()),
        "InvalidHandle" | "UnsupportedDomain" => form.refuse("handle", t.arrive_handle_wrong()),
        "AlreadyExists" => form.refuse("from", t.arrive_exists()),
        _ if err.status().is_client_error() => {
            form.refuse("", t.arrive_refused(err.message()));
        }
        "UpstreamFailure" | "UpstreamTimeout" => {
            tracing::warn!(error = %err.message(), "an account did not move in");
            form.refuse("from", t.arrive_away());
        }
        _ => return Err(err.into()),
    }
    Ok(())
}

async fn welcome(visit: &Visit, account: Account) -> PageResult {
    let account = signing_in::newcomer(visit, account, Factor::Password).await?;
    visit.redirect(Local::of_account(&account.did, "/data/move-in"))
}
