//! `/account/sign-up`: a new account.

use askama::Template;
use cairn_model::Handle;
use cairn_store::{Account, AccountRef, Factor, MailPurpose};

use crate::App;
use crate::accounts::create::{self, Outcome, Wanted};
use crate::accounts::handle_policy::{self, HandleError};
use crate::accounts::{email, mailing};
use crate::auth::Newcomer;
use crate::config::SignUp as Rule;
use crate::error::XrpcError;
use crate::limits::Bucket;

use super::super::error::PageError;
use super::super::form::{Fields, Form};
use super::super::i18n::{Flash, Html, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::move_in;
use super::reset_password::check_chosen;
use super::sign_in::carried;
use super::sign_up_passkey;
use super::signing_in;

#[derive(Template)]
#[template(path = "account/sign_up.html")]
struct SignUp {
    page: Page,
    t: Text,
    form: Form,
    domains: Vec<String>,
    is_closed: bool,
    takes_arrivals: bool,
    needs_invite: bool,
    /// Whether the operator is to answer first.
    needs_approval: bool,
    /// What is said of the handle when it was asked about.
    said: Option<Said>,
    terms: Option<Html>,
    next: String,
    carried: String,
}

/// What is said of a handle, beside its field and in the answer to a script.
#[derive(Template)]
#[template(path = "account/handle_said.html")]
pub struct Said {
    pub is_free: bool,
    pub text: String,
}

/// Whether the operator lets anybody in here.
pub fn is_open(app: &App) -> bool {
    app.config.sign_up != Rule::Closed && !app.config.handle_domains.is_empty()
}

impl SignUp {
    fn new(visit: &Visit, form: Form, said: Option<Said>) -> Self {
        let config = &visit.app.config;
        let next = visit.next();
        Self {
            page: visit.page(visit.t.sign_up_title()),
            t: visit.t,
            form,
            domains: config.handle_domains.clone(),
            is_closed: !is_open(&visit.app),
            takes_arrivals: move_in::is_open(config),
            needs_invite: config.sign_up == Rule::Invite,
            needs_approval: config.sign_up == Rule::Approval,
            said,
            terms: terms(visit),
            carried: next.as_ref().map(carried).unwrap_or_default(),
            next: next.map(|next| next.to_string()).unwrap_or_default(),
        }
    }
}

/// What people agree to, if the operator has written it down.
fn terms(visit: &Visit) -> Option<Html> {
    let links = &visit.app.config.links;
    let t = visit.t;
    match (&links.terms_of_service, &links.privacy_policy) {
        (Some(terms), Some(privacy)) => Some(t.sign_up_terms_and_privacy_html(privacy, terms)),
        (Some(terms), None) => Some(t.sign_up_terms_html(terms)),
        (None, Some(privacy)) => Some(t.sign_up_privacy_html(privacy)),
        (None, None) => None,
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let form = Form::of(&visit.query, &["handle", "email", "invite"]);
    visit.html(&SignUp::new(&visit, form, None))
}

/// `/account/sign-up/handle`: for the script that asks while somebody types.
pub async fn availability(visit: Visit) -> PageResult {
    let said = ask(&visit, &visit.query).await?;
    visit.html(&said)
}

async fn ask(visit: &Visit, sent: &Fields) -> Result<Said, XrpcError> {
    let t = visit.t;
    Ok(match wanted_handle(visit, sent).await? {
        Ok(handle) => Said { is_free: true, text: t.sign_up_handle_free(handle) },
        Err(problem) => Said { is_free: false, text: problem_text(&problem, t).to_owned() },
    })
}

/// The handle that was asked for, if it can be had.
pub async fn wanted_handle(
    visit: &Visit,
    sent: &Fields,
) -> Result<Result<Handle, HandleError>, XrpcError> {
    let config = &visit.app.config;
    let name = sent.get("handle").trim_start_matches('@').to_lowercase();
    let asked = config.handle_domains.iter().find(|domain| *domain == sent.get("domain"));
    let Some(domain) = asked.or(config.handle_domains.first()) else {
        return Ok(Err(HandleError::UnsupportedDomain));
    };
    // Who types the whole handle means the same.
    let name = name.strip_suffix(domain.as_str()).unwrap_or(&name);
    let handle =
        match handle_policy::check(&format!("{name}{domain}"), config.handle_rules(), false) {
            Ok((handle, _)) => handle,
            Err(problem) => return Ok(Err(problem)),
        };
    let is_taken = create::is_handle_held(&visit.app, &handle).await?;
    Ok(if is_taken { Err(HandleError::Taken(handle)) } else { Ok(handle) })
}

/// What is wrong with a handle, and what to do about it.
pub fn problem_text(problem: &HandleError, t: Text) -> &'static str {
    match problem {
        HandleError::Syntax | HandleError::Dots | HandleError::Tld => t.sign_up_handle_syntax(),
        HandleError::TooShort => t.sign_up_handle_short(),
        HandleError::TooLong => t.sign_up_handle_long(),
        HandleError::Reserved | HandleError::Blocked => t.sign_up_handle_reserved(),
        HandleError::Taken(_) => t.sign_up_handle_taken(),
        HandleError::UnsupportedDomain | HandleError::DoesNotResolve => t.sign_up_handle_domain(),
    }
}

#[derive(Template)]
#[template(path = "account/waiting.html")]
struct Waiting {
    page: Page,
    t: Text,
}

/// `/account/sign-up/waiting`: the operator is to answer.
pub async fn waiting(visit: Visit) -> PageResult {
    visit.html(&Waiting { page: visit.page(visit.t.waiting_title()), t: visit.t })
}

/// What somebody will sign in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Password,
    Passkey,
}

pub const FIELDS: &[&str] = &["handle", "domain", "email", "invite"];

pub async fn submit(visit: Visit) -> PageResult {
    let mut form = Form::of(&visit.form, FIELDS);
    if visit.form.has("check") {
        let said = ask(&visit, &visit.form).await?;
        return visit.html(&SignUp::new(&visit, form, Some(said)));
    }
    if visit.form.has("by_passkey") {
        return sign_up_passkey::begin(&visit, form).await;
    }
    if let Some(wanted) = check(&visit, &mut form, Way::Password).await? {
        visit.charge_address(Bucket::CreateAccount)?;
        if is_email_held(&visit, &wanted).await? {
            form.refuse("email", visit.t.sign_up_email_taken());
            return visit.refused(&SignUp::new(&visit, form, None));
        }
        match Box::pin(create::create(&visit.app, &Newcomer::Anyone, wanted)).await {
            Ok(Outcome::Account(account)) => return welcome(&visit, account).await,
            Ok(Outcome::Applicant(_)) => return visit.redirect("/account/sign-up/waiting"),
            Err(err) => refuse(&mut form, err, visit.t)?,
        }
    }
    refuse_form(&visit, form)
}

/// The form again, with what is wrong in it.
pub fn refuse_form(visit: &Visit, form: Form) -> PageResult {
    visit.refused(&SignUp::new(visit, form, None))
}

/// Whether somebody has the address. Asked when the rest is right and the attempt is counted: strangers must not find out
/// of address after address.
pub async fn is_email_held(visit: &Visit, wanted: &Wanted) -> Result<bool, PageError> {
    let Some(email) = &wanted.email else { return Ok(false) };
    Ok(create::is_held(&visit.app, AccountRef::Email(email.clone())).await?)
}

/// What can be made an account of; the form says what is wrong with the rest.
pub async fn check(visit: &Visit, form: &mut Form, way: Way) -> Result<Option<Wanted>, PageError> {
    let (sent, t) = (&visit.form, visit.t);
    let handle = wanted_handle(visit, sent).await?;
    if let Err(problem) = &handle {
        form.refuse("handle", problem_text(problem, t));
    }
    let config = &visit.app.config;
    let address = sent.get("email").to_lowercase();
    if !email::is_plausible(&address) {
        form.refuse("email", t.sign_up_email_syntax());
    } else if email::parse_chosen(&address, &config.disposable_domains).is_err() {
        form.refuse("email", t.sign_up_email_disposable());
    }
    if way == Way::Password {
        check_chosen(form, sent, t);
    }
    let invite = sent.get("invite");
    if config.sign_up == Rule::Invite && !visit.app.store.is_invite_usable(invite).await? {
        form.refuse("invite", t.sign_up_invite_wrong());
    }
    let Some(handle) = handle.ok().filter(|_| !form.is_refused()) else { return Ok(None) };
    Ok(Some(Wanted {
        handle: handle.to_string(),
        email: Some(address),
        password: (way == Way::Password).then(|| sent.exact("password").to_owned()),
        passkey: None,
        invite_code: Some(invite.to_owned()),
        did: None,
        recovery_key: None,
    }))
}

/// What was all right a moment ago and is not any more, or what another server has not done.
///
/// # Errors
/// What nobody can do anything about in the form.
pub fn refuse(form: &mut Form, err: XrpcError, t: Text) -> Result<(), PageError> {
    match err.name() {
        "InvalidInviteCode" => form.refuse("invite", t.sign_up_invite_wrong()),
        "HandleNotAvailable" => form.refuse("handle", t.sign_up_handle_taken()),
        "PasskeyKnown" => form.refuse("", t.passkeys_of_another()),
        "UpstreamFailure" | "UpstreamTimeout" => {
            tracing::warn!(error = %err, "an account was not made");
            form.refuse("", t.sign_up_directory_away());
        }
        _ => return Err(err.into()),
    }
    Ok(())
}

async fn welcome(visit: &Visit, account: Account) -> PageResult {
    let account = signing_in::newcomer(visit, account, Factor::Password).await?;
    mailing::send_later(&visit.app, visit.t, account.clone(), MailPurpose::ConfirmEmail);
    match visit.next() {
        Some(next) => visit.redirect(next),
        None => visit.redirect_saying(Local::of_account(&account.did, ""), Flash::Welcome),
    }
}
