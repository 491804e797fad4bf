//! How an account comes to be: with a new did:plc, with the did:web of its handle ([`super::hosted`]), or with a DID that
//! lives at another host so far.
//!
//! A new DID is registered with the directory first and the account stored afterwards, because the account's first
//! events must find a document that consumers can resolve. What fails in between takes the DID back with a tombstone, at
//! once or, after a crash, at the next start.
//!
//! Where the operator approves each account, all of that waits: see [`super::approval`].

use cairn_identity::plc::{Operation, UnsignedOperation, sign_tombstone};
use cairn_identity::{Curve, DidKey, PublicKey, SigningKey};
use cairn_model::{Did, Handle};
use cairn_store::{Account, AccountRef, Applicant, CreateAccountError, FirstPasskey, NewAccount};
use jiff::SignedDuration;

use super::acts::Action;
use super::handle_policy::{self, Domain, HandleError};
use super::{administration, email, hosted, identity, password};
use crate::App;
use crate::auth::{Moderator, Newcomer};
use crate::config::SignUp;
use crate::error::XrpcError;

/// An account that was brought along and never activated is deleted after this time.
///
/// Interop: the reference implementation says three days, and deletes nothing. A month leaves room for a move that is
/// interrupted after the old host has let go.
pub(super) const DELETE_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a person, or a client for them, wants.
pub struct Wanted {
    pub handle: String,
    pub email: Option<String>,
    pub password: Option<String>,
    /// Signs in without one.
    pub passkey: Option<FirstPasskey>,
    pub invite_code: Option<String>,
    /// A DID to bring along.
    pub did: Option<Did>,
    /// A did:key of the person's own that shall rule over the new DID.
    pub recovery_key: Option<String>,
}

/// What came of a wish.
pub enum Outcome {
    Account(Account),
    /// The operator is to answer.
    Applicant(Applicant),
}

/// What is stored if all goes well; everything that can be refused without a side effect has been.
struct Checked {
    handle: Handle,
    email: String,
    password_hash: Option<String>,
    passkey: Option<FirstPasskey>,
    invite_code: Option<String>,
    recovery_key: Option<DidKey>,
    /// Whether the operator is to answer first.
    waits: bool,
}

/// Makes an account for whom the operator's rule lets in, or has them wait. The operator's own wishes are bound by no rule of who may have
/// an account, and by fewer of which handle; they stand in the log of acts.
///
/// # Errors
/// Names and messages are those that sign-up forms know: `InvalidInviteCode`, `InvalidHandle`, `HandleNotAvailable`,
/// `UnsupportedDomain`, and 401 for a DID that is not the caller's; 403 `SignUpClosed`.
pub async fn create(app: &App, who: &Newcomer, wanted: Wanted) -> Result<Outcome, XrpcError> {
    let is_hosted =
        wanted.did.as_ref().is_some_and(|did| hosted::is_hosted(did, &app.config.handle_domains));
    match &wanted.did {
        Some(did) if is_hosted => hosted::require_offered(app, did, &wanted.handle)?,
        Some(did) => require_control(did, who)?,
        None => {}
    }
    app.store.require_space()?;
    let did = wanted.did.clone();
    let checked = check(app, who, wanted).await?;
    let outcome = match did {
        Some(did) if is_hosted => host(app, did, checked).await,
        Some(did) => bring_along(app, did, checked).await,
        None => found(app, checked).await,
    }?;
    if let (Newcomer::Admin, Outcome::Account(account)) = (who, &outcome) {
        let did = account.did.as_str();
        administration::record(app, &Moderator::Admin, Action::Create, did, []).await;
    }
    Ok(outcome)
}

fn require_control(did: &Did, who: &Newcomer) -> Result<(), XrpcError> {
    if !matches!(who, Newcomer::Holder(proven) if proven == did) {
        return Err(XrpcError::auth_required(format!(
            "Missing auth to create account with did: {did}"
        )));
    }
    if !matches!(did.method(), "plc" | "web") {
        return Err(XrpcError::invalid_request("Only did:plc and did:web are supported"));
    }
    Ok(())
}

async fn check(app: &App, who: &Newcomer, wanted: Wanted) -> Result<Checked, XrpcError> {
    let is_operator = matches!(who, Newcomer::Admin);
    let recovery_key = recovery_key(&wanted)?;
    let invite_code = match app.config.sign_up {
        _ if is_operator => None,
        SignUp::Open | SignUp::Approval => None,
        SignUp::Invite => Some(check_invite(app, wanted.invite_code).await?),
        SignUp::Closed => return Err(closed()),
    };
    let email = wanted.email.ok_or_else(|| XrpcError::invalid_request("Email is required"))?;
    let email = email::parse_chosen(&email, &app.config.disposable_domains)?;
    if wanted.password.is_none() && wanted.passkey.is_none() {
        return Err(XrpcError::invalid_request("Password is required"));
    }
    if let Some(password) = &wanted.password {
        password::check_new(password).map_err(|err| XrpcError::invalid_request(err.to_string()))?;
    }

    let (handle, domain) =
        handle_policy::check(&wanted.handle, app.config.handle_rules(), is_operator)?;
    if let Some(did) = &wanted.did
        && is_held(app, did).await?
    {
        return Err(refused(CreateAccountError::DidTaken, &handle));
    }
    if is_handle_held(app, &handle).await? {
        return Err(HandleError::Taken(handle).into());
    }
    if is_held(app, AccountRef::Email(email.clone())).await? {
        return Err(refused(CreateAccountError::EmailTaken, &handle));
    }
    if domain == Domain::External {
        let did = wanted.did.as_ref().ok_or(HandleError::UnsupportedDomain)?;
        identity::require_handle_resolves(app, &handle, did).await?;
    }
    let password_hash = match &wanted.password {
        Some(password) => Some(password::hash(app, password).await?),
        None => None,
    };
    let waits = app.config.sign_up == SignUp::Approval && !is_operator;
    let passkey = wanted.passkey;
    Ok(Checked { handle, email, password_hash, passkey, invite_code, recovery_key, waits })
}

/// The key that the owner wants above the server's.
fn recovery_key(wanted: &Wanted) -> Result<Option<DidKey>, XrpcError> {
    let Some(text) = wanted.recovery_key.as_deref() else { return Ok(None) };
    if wanted.did.is_some() {
        let message = "A recoveryKey goes into a new did:plc only, not into a DID that is there";
        return Err(XrpcError::invalid_request(message));
    }
    // Of a curve that the directory takes.
    let key = PublicKey::parse_did_key(text)
        .map_err(|err| XrpcError::invalid_request(format!("Invalid recoveryKey: {err}")))?;
    Ok(Some(key.did_key()))
}

/// Whether an account has this name, or somebody who waits for one.
pub(crate) async fn is_held(app: &App, name: impl Into<AccountRef>) -> Result<bool, XrpcError> {
    let name = name.into();
    Ok(app.store.account(name.clone()).await?.is_some()
        || app.store.applicant(name).await?.is_some())
}

/// The same for a handle, which may also be the name behind a DID that is hosted here.
pub(crate) async fn is_handle_held(app: &App, handle: &Handle) -> Result<bool, XrpcError> {
    Ok(is_held(app, handle.clone()).await? || hosted::owner_of(app, handle).await?.is_some())
}

fn closed() -> XrpcError {
    XrpcError::forbidden("SignUpClosed", "This server takes no new accounts")
}

/// The code as it is stored, if it can be used at the moment.
async fn check_invite(app: &App, code: Option<String>) -> Result<String, XrpcError> {
    let code = code.filter(|code| !code.trim().is_empty());
    let Some(code) = code.map(|code| code.trim().to_owned()) else {
        return Err(XrpcError::named("InvalidInviteCode", "No invite code provided"));
    };
    if !app.store.is_invite_usable(&code).await? {
        return Err(XrpcError::named("InvalidInviteCode", "Provided invite code not available"));
    }
    Ok(code)
}

/// A new did:plc and its account, live at once, or what shall become them.
async fn found(app: &App, checked: Checked) -> Result<Outcome, XrpcError> {
    let signing_key = SigningKey::generate(Curve::K256);
    let genesis = UnsignedOperation::genesis(
        &rotation_keys(app, checked.recovery_key.as_ref())?,
        &signing_key.did_key(),
        &checked.handle,
        &app.config.public_url,
    )
    .sign(&app.rotation_key);
    let did = genesis
        .did_of_genesis()
        .ok_or_else(|| XrpcError::internal("the operation is no genesis"))?;
    let handle = checked.handle.clone();
    if checked.waits {
        let new = new_account(did, checked, signing_key, None);
        return apply(app, new, &handle, Some(genesis)).await;
    }
    app.store.begin_founding(&did).await?;
    app.plc.submit(&did, &genesis).await?;

    let stored =
        app.store.create_account(new_account(did.clone(), checked, signing_key, None)).await;
    match stored {
        Ok((account, _)) => Ok(Outcome::Account(account)),
        Err(err) => {
            take_back(app, &did, &genesis).await;
            Err(refused(err, &handle))
        }
    }
}

/// An account whose DID is the did:web of its own handle, live at once.
async fn host(app: &App, did: Did, checked: Checked) -> Result<Outcome, XrpcError> {
    if checked.recovery_key.is_some() {
        return Err(XrpcError::invalid_request("A did:web has no recoveryKey"));
    }
    let (handle, waits) = (checked.handle.clone(), checked.waits);
    let new = new_account(did, checked, SigningKey::generate(Curve::K256), None);
    if waits {
        return apply(app, new, &handle, None).await;
    }
    let stored = app.store.create_account(new).await;
    Ok(Outcome::Account(stored.map_err(|err| refused(err, &handle))?.0))
}

/// An account for a DID that lives elsewhere. It is deactivated until the DID document names this server.
async fn bring_along(app: &App, did: Did, checked: Checked) -> Result<Outcome, XrpcError> {
    let reserved = app.store.reserved_signing_key(&did).await?;
    let signing_key = reserved.unwrap_or_else(|| SigningKey::generate(Curve::K256));
    let delete_after = app.clock.now().saturating_add(DELETE_AFTER).ok();
    let (handle, waits) = (checked.handle.clone(), checked.waits);
    let mut new = new_account(did, checked, signing_key, delete_after);
    new.activate = false;
    if waits {
        return apply(app, new, &handle, None).await;
    }
    let (account, _) = app.store.create_account(new).await.map_err(|err| refused(err, &handle))?;
    Ok(Outcome::Account(account))
}

async fn apply(
    app: &App,
    new: NewAccount,
    handle: &Handle,
    genesis: Option<Operation>,
) -> Result<Outcome, XrpcError> {
    let applicant = app.store.apply_for_account(new, genesis).await;
    applicant.map(Outcome::Applicant).map_err(|err| refused(err, handle))
}

fn new_account(
    did: Did,
    checked: Checked,
    signing_key: SigningKey,
    delete_after: Option<jiff::Timestamp>,
) -> NewAccount {
    NewAccount {
        did,
        handle: Some(checked.handle),
        email: Some(checked.email),
        password_hash: checked.password_hash,
        passkey: checked.passkey,
        signing_key,
        activate: true,
        delete_after,
        invite_code: checked.invite_code,
    }
}

/// By falling power: the person's, the operator's, the server's.
fn rotation_keys(app: &App, own: Option<&DidKey>) -> Result<Vec<DidKey>, XrpcError> {
    let operator = app
        .config
        .recovery_did_key
        .as_deref()
        .map(DidKey::parse)
        .transpose()
        .map_err(XrpcError::internal)?;
    let mut keys: Vec<DidKey> = Vec::with_capacity(3);
    for key in own.cloned().into_iter().chain(operator).chain([app.rotation_key.did_key()]) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}

async fn take_back(app: &App, did: &Did, genesis: &Operation) {
    let tombstone = sign_tombstone(genesis.cid(), &app.rotation_key);
    if let Err(error) = app.plc.submit(did, &tombstone).await {
        tracing::warn!(%did, %error, "a DID without an account could not be taken back yet");
        return;
    }
    if let Err(error) = app.store.end_founding(did).await {
        tracing::warn!(%did, %error, "a DID without an account is looked at again later");
    }
}

fn refused(err: CreateAccountError, handle: &Handle) -> XrpcError {
    match err {
        CreateAccountError::DidTaken => XrpcError::named("AlreadyExists", "Repo already exists"),
        CreateAccountError::DidRetired => {
            XrpcError::named("AlreadyExists", "This DID belonged to another account")
        }
        CreateAccountError::HandleTaken => HandleError::Taken(handle.clone()).into(),
        CreateAccountError::TooManyWait => {
            XrpcError::unavailable("too many people wait for an account, try again later")
        }
        CreateAccountError::EmailTaken => XrpcError::invalid_request("Email already taken"),
        CreateAccountError::PasskeyKnown => {
            XrpcError::named("PasskeyKnown", "The passkey belongs to another account")
        }
        CreateAccountError::InviteCodeUnavailable => {
            XrpcError::named("InvalidInviteCode", "Provided invite code not available")
        }
        CreateAccountError::Store(err) => err.into(),
    }
}
