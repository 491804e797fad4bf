//! What the server is told when it starts. Values only: reading files and variables is the binary's work.

use std::time::Duration;

use cairn_model::Did;
use cairn_store::InviteInterval;
use ipnet::IpNet;
use url::Url;
use zeroize::Zeroizing;

use crate::accounts::blocked_words::BlockedWords;
use crate::accounts::email::DisposableDomains;
use crate::accounts::handle_policy::HandleRules;
use crate::branding::Branding;
use crate::i18n::Text;
pub use crate::limits::TrustedProxies;

/// Everything that an operator can decide about the server part.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The public origin, without a trailing slash: the PDS endpoint in DID documents.
    pub public_url: String,
    /// The host name of the public origin, without port.
    pub hostname: String,
    /// `did:web:HOSTNAME` unless set otherwise.
    pub service_did: Did,
    /// What `_health` reports.
    pub version: String,
    /// Embedded directory, `.test` handles, landing page.
    pub dev_mode: bool,
    /// Domains under which accounts may take a handle, each with its leading dot (`.example.com`).
    pub handle_domains: Vec<String>,
    /// Whether accounts may be made with the `did:web` of their handle.
    pub hosted_did_web: bool,
    /// HTTP Basic password of the user `admin`; without one, admin methods refuse everybody.
    pub admin_password: Option<Secret>,
    /// A token that opens `/metrics` and nothing else; without one, the operator's password does alone.
    pub metrics_token: Option<Secret>,
    /// The key bytes of session tokens (HS256).
    pub jwt_secret: Secret,
    /// Whose all published lexicons are, instead of what DNS says: for development and private networks.
    pub lexicon_authority: Option<Did>,
    /// A did:key that operators put into every new did:plc, ahead of the server's own rotation key.
    pub recovery_did_key: Option<String>,
    pub sign_up: SignUp,
    /// How accounts earn invite codes; without it only the operator makes some.
    pub invite_interval: Option<InviteInterval>,
    /// Words that no handle may contain.
    pub blocked_handle_words: BlockedWords,
    /// Domains whose e-mail addresses are not taken.
    pub disposable_domains: DisposableDomains,
    /// Largest blob that `uploadBlob` takes.
    pub blob_upload_limit: u64,
    /// Largest CAR that `importRepo` takes; `None`: any size.
    pub import_limit: Option<u64>,
    pub accepting_imports: bool,
    /// Whether session answers carry the account's DID document.
    pub did_doc_with_session: bool,
    pub branding: Branding,
    /// Whether the mail that confirms an address has a link beside its code.
    pub email_confirmation_link: bool,
    /// Whether owners are told by mail of sign-ins on pages, in browsers that were not used for the account before.
    pub sign_in_alerts: bool,
    pub links: Links,
    pub contact_email: Option<String>,
    /// Relays that are asked to follow this host, as origins.
    pub crawlers: Vec<Url>,
    pub appview: Option<ServiceTarget>,
    pub moderation: Option<ServiceTarget>,
    pub reports: Option<ServiceTarget>,
    /// Direct messages; without it the AppView is asked.
    pub chat: Option<ServiceTarget>,
    /// Video processing; without it the AppView is asked.
    pub video: Option<ServiceTarget>,
    pub proxy: ProxyConfig,
    /// Client ids of OAuth clients that are vouched for: pages show their name and logo, and need not ask again.
    pub oauth_trusted_clients: Vec<String>,
    pub rate_limits: RateLimitConfig,
    /// Points that one account may spend on writes; `None` where no relay is to be spared (development).
    pub write_limits: Option<WriteLimits>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    pub connections: ConnectionConfig,
    pub firehose: FirehoseConfig,
    /// All of it as it was written, for the operator to read.
    pub settings: Vec<Setting>,
}

impl ServerConfig {
    /// Which handles may be taken.
    pub fn handle_rules(&self) -> HandleRules<'_> {
        HandleRules { domains: &self.handle_domains, blocked: &self.blocked_handle_words }
    }
}

/// An option as the server was started with it, for the operator to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub key: &'static str,
    pub value: SettingValue,
    pub source: SettingSource,
}

impl Setting {
    /// What the option of this key does, in English.
    pub fn about(key: &str) -> Option<&'static str> {
        Text::default().option(key)
    }

    /// Its default in English, where words tell it.
    pub fn default_in_words(key: &str) -> Option<&'static str> {
        Text::default().option_default(key)
    }
}

/// What an option is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingValue {
    /// As it was written, or the default; empty if there is none, or if it is told in words.
    Plain(String),
    /// Never shown.
    Secret { is_set: bool },
}

/// Where the value of an option comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingSource {
    Default,
    File,
    /// The variable of this name.
    Variable(String),
    /// The command that started the server.
    Command,
}

/// Who may have an account. The operator makes accounts whatever stands here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    /// Everybody.
    Open,
    /// Who has an invite code.
    Invite,
    /// Whom the operator lets in, one by one.
    Approval,
    /// Nobody.
    Closed,
}

impl SignUp {
    /// Reads the name that the configuration has for it.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "open" => Some(Self::Open),
            "invite" => Some(Self::Invite),
            "approval" => Some(Self::Approval),
            "closed" => Some(Self::Closed),
            _ => None,
        }
    }
}

/// Links of `describeServer`.
#[derive(Clone, Debug, Default)]
pub struct Links {
    pub privacy_policy: Option<String>,
    pub terms_of_service: Option<String>,
}

/// A service that the server talks to on behalf of its accounts.
#[derive(Clone, Debug)]
pub struct ServiceTarget {
    pub url: Url,
    pub did: Did,
}

/// How requests are passed on to other services.
#[derive(Clone, Debug)]
pub struct ProxyConfig {
    /// From the end of the request until the answer's headers are there.
    pub headers_timeout: Duration,
    /// The longest pause in the answer's body.
    pub body_timeout: Duration,
    /// The largest answer, both as it comes and unpacked.
    pub max_response_bytes: usize,
    /// Where the AppView's pictures are, with `%s` for preset, DID and CID; without it, pictures of records that the
    /// AppView does not know yet are served from here.
    pub cdn_url_pattern: Option<String>,
}

impl Default for ProxyConfig {
    fn default() -> Self {
        Self {
            headers_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            max_response_bytes: 10 * 1024 * 1024,
            cdn_url_pattern: None,
        }
    }
}

/// Limits per IP address and per account, as the reference implementation has them.
#[derive(Clone, Debug, Default)]
pub struct RateLimitConfig {
    pub enabled: bool,
    /// Requests with this value in `x-ratelimit-bypass` are not limited.
    pub bypass_key: Option<Secret>,
    pub bypass_ips: Vec<IpNet>,
}

/// Write points per account: a create costs 3, an update 2, a delete 1.
#[derive(Clone, Copy, Debug)]
pub struct WriteLimits {
    pub per_hour: u32,
    pub per_day: u32,
}

impl Default for WriteLimits {
    /// What the network's relays tolerate from one account.
    fn default() -> Self {
        Self { per_hour: 5_000, per_day: 35_000 }
    }
}

/// What clients may keep open. Trusted proxies and addresses without rate limits have no limit of their own, only the total.
#[derive(Clone, Debug)]
pub struct ConnectionConfig {
    /// Connections at once, WebSockets included; fewer if the system gives fewer files.
    pub max: usize,
    /// The same per client address.
    pub max_per_address: usize,
    /// How long the head of a request may take, and a connection may be idle. Proxies keep theirs for longer.
    pub head_timeout: Duration,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self { max: 16 * 1024, max_per_address: 256, head_timeout: Duration::from_secs(30) }
    }
}

/// The event stream's limits.
#[derive(Clone, Debug)]
pub struct FirehoseConfig {
    /// Subscribers at once; the next one is refused with 503.
    pub max_subscribers: usize,
    /// Subscribers at once from one client address, as trusted proxies tell it; the next one is refused with 429.
    pub max_per_address: usize,
    /// A ping goes out this often.
    pub ping_interval: Duration,
    /// A socket that takes no data for this long is closed as `ConsumerTooSlow`.
    pub send_timeout: Duration,
}

impl Default for FirehoseConfig {
    fn default() -> Self {
        Self {
            max_subscribers: 4_096,
            max_per_address: 64,
            ping_interval: Duration::from_secs(30),
            send_timeout: Duration::from_secs(30),
        }
    }
}

/// A value that must not be printed and is wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}
