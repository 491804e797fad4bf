//! Passkeys on pages: the challenges, and what comes back for them.
//!
//! A challenge is made for one browser and one purpose, is good for ten minutes and used once. Nothing is stored for it: it
//! carries its end and a seal, and the server remembers which ones were used. The seal is another after a restart, so that
//! what is forgotten then is of no use either.

use std::fmt;

use askama::filters::HtmlSafe;
use cairn_factors::passkey::{self, Assertion, Expected, PasskeyError, Registered, Verified};
use cairn_identity::ReplayMemory;
use cairn_store::{Account, NewPasskey, Passkey, PasskeyUse};
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::XrpcError;

use super::super::i18n::Text;
use super::super::visit::Visit;

/// How long a challenge is good: the script renews it after four minutes, and a browser asks for up to five.
const LIFETIME_SECONDS: i64 = 600;
/// Challenges that were used and are not over; each one cost somebody a signature of a passkey.
const USED_CAPACITY: usize = 50_000;
const NONCE_BYTES: usize = 16;
const SEAL_BYTES: usize = 32;

/// What is remembered about challenges while the server runs.
pub struct Challenges {
    /// Of this start of the server.
    start: [u8; 32],
    used: ReplayMemory,
}

impl Default for Challenges {
    fn default() -> Self {
        let start = cairn_identity::random_bytes();
        Self { start, used: ReplayMemory::new(USED_CAPACITY) }
    }
}

/// What a passkey is shown or made for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    /// Instead of name and password: the authenticator itself must know its owner.
    SignIn,
    /// After the password.
    SecondFactor(&'a Account),
    /// To be added to an account.
    Add(&'a Account),
    /// In the place of the password, in a form of the account that asks for it.
    Act(&'a Account, Act),
    /// To be made for an account to come, which its authenticator shall call so.
    SignUp(&'a [u8]),
}

/// What the owner of an account shows anew who they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The passkey that is shown is to open the account alone from now on: the authenticator must find it by itself.
    RemovePassword,
    SetPassword,
    Delete,
}

impl Purpose<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::SignIn => "sign in",
            Self::SecondFactor(_) => "second factor",
            Self::Add(_) => "add",
            Self::Act(_, Act::RemovePassword) => "remove password",
            Self::Act(_, Act::SetPassword) => "set password",
            Self::Act(_, Act::Delete) => "delete",
            Self::SignUp(_) => "sign up",
        }
    }

    fn account(&self) -> Option<&Account> {
        match self {
            Self::SignIn | Self::SignUp(_) => None,
            Self::SecondFactor(account) | Self::Add(account) | Self::Act(account, _) => {
                Some(account)
            }
        }
    }

    /// Whom a challenge is for.
    fn whose(&self) -> &[u8] {
        match self {
            Self::SignUp(user) => user,
            _ => self.account().map_or(&[], |account| account.did.as_str().as_bytes()),
        }
    }

    fn needs_verification(&self) -> bool {
        matches!(self, Self::SignIn | Self::Act(..) | Self::SignUp(_))
    }

    /// Whether the authenticator is not told which passkey to use.
    fn is_open(&self) -> bool {
        matches!(self, Self::SignIn | Self::Act(_, Act::RemovePassword))
    }
}

/// Why a passkey is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The challenge is over, used, or another browser's.
    TooLate,
    /// Nobody here has this passkey, or somebody else.
    Unknown,
    /// Its counter has not gone up.
    Copied,
    /// It did not check who it was that used it.
    NotVerified,
    /// What the browser has sent is not in order.
    Broken,
}

impl Refusal {
    pub fn words(self, t: Text) -> &'static str {
        match self {
            Self::TooLate => t.passkey_too_late(),
            Self::Unknown => t.passkey_unknown(),
            Self::Copied => t.passkey_copied(),
            Self::NotVerified => t.passkey_not_verified(),
            Self::Broken => t.passkey_broken(),
        }
    }
}

impl From<PasskeyError> for Refusal {
    fn from(err: PasskeyError) -> Self {
        match err {
            PasskeyError::NotVerified => Self::NotVerified,
            PasskeyError::Challenge => Self::TooLate,
            _ => Self::Broken,
        }
    }
}

/// What a page's script is told, as attributes of the form.
pub struct Ask {
    challenge: String,
    rp_id: String,
    service: String,
    verification: &'static str,
    /// The passkeys to use or not to make again, as JSON; none in particular if empty.
    known: String,
    making: Option<Making>,
}

/// What is asked of a passkey that is to be made.
struct Making {
    /// What authenticators call the account.
    user: String,
    handle: String,
    algorithms: String,
    /// Whether the authenticator must find it by itself later.
    resident: &'static str,
}

impl Ask {
    /// Asks for a passkey: one of `known`, or any if that is empty.
    pub fn to_use(visit: &Visit, purpose: Purpose<'_>, known: &[Passkey]) -> Self {
        let verification = if purpose.needs_verification() { "required" } else { "preferred" };
        Self {
            challenge: challenge(visit, purpose),
            rp_id: visit.app.config.hostname.clone(),
            service: visit.app.config.branding.service_name.clone(),
            verification,
            known: descriptors(known),
            making: None,
        }
    }

    /// Asks for a new passkey, on none of the authenticators that have one of `known`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn to_make(
        visit: &Visit,
        account: &Account,
        handle: String,
        known: &[Passkey],
    ) -> Result<Self, XrpcError> {
        let user = visit.app.store.passkey_user(account.id).await?;
        let purpose = Purpose::Add(account);
        Ok(Self::making(visit, purpose, known, Making::new(&user, handle, "preferred")))
    }

    /// Asks for the first passkey of an account to come.
    pub fn to_sign_up(visit: &Visit, user: &[u8], handle: String) -> Self {
        let making = Making::new(user, handle, "required");
        Self::making(visit, Purpose::SignUp(user), &[], making)
    }

    fn making(visit: &Visit, purpose: Purpose<'_>, known: &[Passkey], making: Making) -> Self {
        Self { making: Some(making), ..Self::to_use(visit, purpose, known) }
    }
}

impl Making {
    fn new(user: &[u8], handle: String, resident: &'static str) -> Self {
        let algorithms = passkey::ALGORITHMS.map(|number| number.to_string()).join(" ");
        Self { user: BASE64URL_NOPAD.encode(user), handle, algorithms, resident }
    }
}

/// The attributes, as markup.
impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut write = |name: &str, value: &str| {
            let value = askama::filters::escape(value, askama::filters::Html);
            match value {
                Ok(value) => write!(f, " data-{name}=\"{value}\""),
                Err(never) => match never {},
            }
        };
        write("passkey", if self.making.is_some() { "create" } else { "get" })?;
        write("challenge", &self.challenge)?;
        write("rp", &self.rp_id)?;
        write("verification", self.verification)?;
        write("known", &self.known)?;
        if let Some(making) = &self.making {
            write("service", &self.service)?;
            write("user", &making.user)?;
            write("name", &making.handle)?;
            write("algorithms", &making.algorithms)?;
            write("resident", making.resident)?;
        }
        Ok(())
    }
}

impl HtmlSafe for Ask {}

fn descriptors(known: &[Passkey]) -> String {
    let descriptor = |passkey: &Passkey| json!({ "id": BASE64URL_NOPAD.encode(&passkey.credential_id), "transports": passkey.transports });
    serde_json::Value::from_iter(known.iter().map(descriptor)).to_string()
}

fn challenge(visit: &Visit, purpose: Purpose<'_>) -> String {
    let until = visit.app.now_seconds().saturating_add(LIFETIME_SECONDS).to_be_bytes();
    let head = [&until[..], &cairn_identity::random_bytes::<NONCE_BYTES>()].concat();
    let seal = seal(visit, purpose, &head);
    BASE64URL_NOPAD.encode(&[&head[..], &seal].concat())
}

fn seal(visit: &Visit, purpose: Purpose<'_>, head: &[u8]) -> [u8; SEAL_BYTES] {
    let secret = visit.device_secret();
    let start = &visit.app.web.challenges.start;
    let parts = [&start[..], secret.as_bytes(), purpose.name().as_bytes(), purpose.whose(), head];
    visit.app.web.sealer.seal("passkey challenge", &parts)
}

/// A challenge of ours that came back in time, with its end.
struct Open {
    bytes: Vec<u8>,
    /// Seconds since 1970.
    until: i64,
}

impl Open {
    fn read(visit: &Visit, purpose: Purpose<'_>) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(visit.form.get("challenge").as_bytes()).ok()?;
        let (head, given) = bytes.split_at_checked(8 + NONCE_BYTES)?;
        let until = i64::from_be_bytes(head.get(..8)?.try_into().ok()?);
        let is_ours = bool::from(seal(visit, purpose, head).ct_eq(given));
        (is_ours && until > visit.app.now_seconds()).then_some(Self { until, bytes })
    }

    fn expected<'a>(&'a self, visit: &'a Visit, purpose: Purpose<'_>) -> Expected<'a> {
        Expected {
            rp_id: &visit.app.config.hostname,
            origin: &visit.app.config.public_url,
            challenge: &self.bytes,
            needs_verification: purpose.needs_verification(),
        }
    }

    /// Uses the challenge up. False if it was used before.
    fn spend(&self, visit: &Visit) -> bool {
        let key = Sha256::digest(&self.bytes).into();
        visit.app.web.challenges.used.first_use(key, self.until, visit.app.now_seconds())
    }
}

/// A field that a script has filled in; empty if it is not base64url.
fn bytes(visit: &Visit, name: &str) -> Vec<u8> {
    BASE64URL_NOPAD.decode(visit.form.get(name).as_bytes()).unwrap_or_default()
}

/// Checks a passkey that was shown, and notes its use. Gives the passkey, whose account is the one that it opens.
///
/// # Errors
/// Faults of the store.
pub async fn check(
    visit: &Visit,
    purpose: Purpose<'_>,
) -> Result<Result<Passkey, Refusal>, XrpcError> {
    let store = &visit.app.store;
    let Some(open) = Open::read(visit, purpose) else { return Ok(Err(Refusal::TooLate)) };
    let id = bytes(visit, "id");
    let Some(found) = store.passkey_by_credential(id).await? else {
        return Ok(Err(Refusal::Unknown));
    };
    if !is_meant(visit, purpose, &found).await? {
        return Ok(Err(Refusal::Unknown));
    }
    let used = match verified(visit, purpose, &open, &found) {
        Ok(used) => used,
        Err(err) => {
            tracing::debug!(%err, "a passkey was refused");
            return Ok(Err(err.into()));
        }
    };
    if !open.spend(visit) {
        return Ok(Err(Refusal::TooLate));
    }
    let id = found.credential_id.clone();
    let noted = PasskeyUse {
        sign_count: used.sign_count,
        backed_up: used.backed_up,
        initializes_uv: used.verified && matches!(purpose, Purpose::SecondFactor(_)),
        discovered: purpose.is_open(),
    };
    if !store.use_passkey(id, noted).await? {
        let (before, now) = (found.sign_count, used.sign_count);
        tracing::warn!(
            account = found.account.get(),
            before,
            now,
            "the counter of a passkey has not gone up"
        );
        return Ok(Err(Refusal::Copied));
    }
    Ok(Ok(found))
}

/// Whether the passkey belongs to the account that is asked for, as the authenticator knows it too. One that was not told
/// which passkey to use must say whose it is.
async fn is_meant(visit: &Visit, purpose: Purpose<'_>, found: &Passkey) -> Result<bool, XrpcError> {
    let said = bytes(visit, "user_handle");
    let user = visit.app.store.passkey_user(found.account).await?;
    let is_its_user = bool::from(said.ct_eq(&user[..]));
    let is_its_account = purpose.account().is_none_or(|account| account.id == found.account);
    Ok(is_its_account && (is_its_user || said.is_empty() && !purpose.is_open()))
}

fn verified(
    visit: &Visit,
    purpose: Purpose<'_>,
    open: &Open,
    found: &Passkey,
) -> Result<Verified, PasskeyError> {
    let assertion = Assertion {
        client_data: &bytes(visit, "client_data"),
        authenticator_data: &bytes(visit, "authenticator_data"),
        signature: &bytes(visit, "signature"),
    };
    let used = passkey::verify(&open.expected(visit, purpose), &found.public_key, &assertion)?;
    if purpose.needs_verification() && !found.uv_initialized {
        return Err(PasskeyError::NotVerified);
    }
    if used.backup_eligible != found.backup_eligible {
        return Err(PasskeyError::AuthenticatorData);
    }
    Ok(used)
}

/// Checks a passkey that was made, and gives it under a name.
pub fn made(visit: &Visit, purpose: Purpose<'_>, name: String) -> Result<NewPasskey, Refusal> {
    let open = Open::read(visit, purpose).ok_or(Refusal::TooLate)?;
    let (client_data, object) = (bytes(visit, "client_data"), bytes(visit, "attestation"));
    let made = passkey::register(&open.expected(visit, purpose), &client_data, &object)?;
    if made.credential_id != bytes(visit, "id") {
        return Err(Refusal::Broken);
    }
    if open.spend(visit) { Ok(new(visit, made, name)) } else { Err(Refusal::TooLate) }
}

/// What browsers may say of the way to a passkey, <https://www.w3.org/TR/webauthn-3/#enum-transport>.
const TRANSPORTS: [&str; 6] = ["usb", "nfc", "ble", "smart-card", "hybrid", "internal"];

fn new(visit: &Visit, made: Registered, name: String) -> NewPasskey {
    let sent = visit.form.get("transports").split(' ');
    let transports = sent.filter(|sent| TRANSPORTS.contains(sent)).take(TRANSPORTS.len());
    NewPasskey {
        credential_id: made.credential_id,
        public_key: made.public_key,
        sign_count: made.sign_count,
        name,
        transports: transports.map(str::to_owned).collect(),
        backup_eligible: made.backup_eligible,
        backed_up: made.backed_up,
        uv_initialized: made.verified,
        // Only its owner could be misled by a browser that says too much.
        discoverable: visit.form.get("discoverable") == "1",
    }
}
