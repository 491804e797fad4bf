//! The configuration of a server: one TOML file, `CAIRN_*` variables, and the reference server's
//! `PDS_*` variables as other names for the same options.
//!
//! [`Config`] is read once, at the start. Everything below gets values, never variables.

mod accounts;
mod load;
mod mail;
mod options;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cairn_model::Did;
use cairn_server::accounts::blocked_words::BlockedWords;
use cairn_server::branding::Branding;
use cairn_server::config::{Setting, SignUp};
use cairn_store::{InviteInterval, Quotas};

pub(crate) use load::ConfigError;
use load::Raw;
pub(crate) use mail::{Mail, WayOut};
pub(crate) use options::{Kind, OPTIONS};

/// What `cairn serve` was told, checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) service: Service,
    pub(crate) storage: Storage,
    pub(crate) secrets: Secrets,
    pub(crate) identity: Identity,
    pub(crate) accounts: Accounts,
    pub(crate) limits: Limits,
    pub(crate) services: Services,
    pub(crate) branding: Branding,
    pub(crate) mail: Mail,
    pub(crate) log: Log,
    /// Every option as it was written.
    pub(crate) settings: Vec<Setting>,
    /// Sentences for the log: variables that were read and are of no use here.
    pub(crate) warnings: Vec<String>,
}

/// Who the server is and where it listens.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) hostname: String,
    pub(crate) port: u16,
    pub(crate) listen: IpAddr,
    pub(crate) dev_mode: bool,
    pub(crate) did: Option<String>,
    pub(crate) privacy_policy_url: Option<String>,
    pub(crate) terms_of_service_url: Option<String>,
    pub(crate) contact_email: Option<String>,
}

/// Where things are kept.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(crate) data_directory: PathBuf,
    pub(crate) blob_directory: PathBuf,
    pub(crate) master_key_file: PathBuf,
    pub(crate) event_retention: Duration,
    pub(crate) min_free_bytes: u64,
}

/// Secrets as the operator gave them; what is absent is made on the first start.
pub(crate) struct Secrets {
    pub(crate) admin_password: Option<String>,
    pub(crate) metrics_token: Option<String>,
    pub(crate) jwt_secret: Option<String>,
    pub(crate) plc_rotation_key: Option<[u8; 32]>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// DIDs and handles.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) recovery_did_key: Option<String>,
    pub(crate) plc_url: String,
    pub(crate) handle_domains: Vec<String>,
    pub(crate) handle_backup_nameservers: Vec<SocketAddr>,
    pub(crate) hosted_did_web: bool,
    pub(crate) did_doc_with_session: bool,
    pub(crate) lexicon_authority: Option<Did>,
}

/// Who may have an account and what it may hold.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) sign_up: SignUp,
    pub(crate) invite_interval: Option<InviteInterval>,
    pub(crate) blocked_handle_words: BlockedWords,
    pub(crate) disposable_domains_file: Option<PathBuf>,
    pub(crate) accepting_repo_imports: bool,
    pub(crate) max_repo_import_size: Option<u64>,
    pub(crate) blob_upload_limit: u64,
    pub(crate) quotas: Quotas,
    pub(crate) oauth_trusted_clients: Vec<String>,
}

/// Rate limits.
pub(crate) struct Limits {
    pub(crate) enabled: bool,
    pub(crate) bypass_key: Option<String>,
    pub(crate) bypass_ips: Vec<String>,
    pub(crate) trusted_proxies: Vec<String>,
    pub(crate) trust_private_addresses: bool,
    pub(crate) max_connections: u64,
    pub(crate) max_connections_per_address: u64,
    pub(crate) head_timeout: Duration,
    pub(crate) max_subscribers: u64,
    pub(crate) max_subscribers_per_address: u64,
    pub(crate) write_points_per_hour: u64,
    pub(crate) write_points_per_day: u64,
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

/// A service elsewhere, by URL and DID.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    pub(crate) url: String,
    pub(crate) did: String,
}

/// The servers around this one.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) crawlers: Vec<String>,
    pub(crate) app_view: Option<Remote>,
    pub(crate) moderation: Option<Remote>,
    pub(crate) reports: Option<Remote>,
    pub(crate) chat: Option<Remote>,
    pub(crate) video: Option<Remote>,
    pub(crate) cdn_url_pattern: Option<String>,
    pub(crate) proxy_headers_timeout: Duration,
    pub(crate) proxy_body_timeout: Duration,
    pub(crate) proxy_max_response_size: u64,
    pub(crate) allow_private_addresses: bool,
    pub(crate) fetch_max_response_size: u64,
}

/// What is logged and how.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) filter: String,
    pub(crate) json: bool,
}

impl Config {
    /// Reads the file, if one is named, and the variables of this process.
    pub(crate) fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        Config::from_parts(file, std::env::vars_os())
    }

    /// The same with variables given by the caller.
    pub(crate) fn from_parts(
        file: Option<&Path>,
        variables: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
    ) -> Result<Config, ConfigError> {
        let mut raw = Raw::gather(file, variables)?;
        let mut warnings = std::mem::take(&mut raw.warnings);
        let service = service(&raw)?;
        let branding = mail::branding(&raw, &service.hostname)?;
        let config = Config {
            storage: storage(&raw)?,
            secrets: secrets(&raw)?,
            identity: identity(&raw, &service)?,
            accounts: accounts::accounts(&raw)?,
            limits: limits(&raw)?,
            services: services(&raw, service.dev_mode)?,
            mail: mail::mail(&raw, &service.hostname, &branding, &mut warnings)?,
            branding,
            log: Log {
                filter: raw.text("log").unwrap_or_else(|| "info".into()),
                json: raw.flag("log_json")?.unwrap_or(false),
            },
            settings: raw.settings(),
            service,
            warnings,
        };
        Ok(config)
    }
}

fn service(raw: &Raw) -> Result<Service, ConfigError> {
    let hostname = raw
        .parsed("hostname", "a host name without scheme, port and path", hostname_of)?
        .unwrap_or_else(|| "localhost".into());
    let dev_mode = raw.flag("dev_mode")?.unwrap_or(false);
    // Without https there is only localhost, and only for development.
    if hostname == "localhost" && !dev_mode {
        return Err(ConfigError::PlainHttp { hostname });
    }
    Ok(Service {
        hostname,
        port: raw.parsed("port", "a port", |text| text.trim().parse().ok())?.unwrap_or(2583),
        listen: raw
            .parsed("listen", "an IP address", |text| text.trim().parse().ok())?
            .unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into()),
        dev_mode,
        did: raw.parsed("service_did", "a DID", |text| {
            text.starts_with("did:").then(|| text.to_owned())
        })?,
        privacy_policy_url: url(raw, "privacy_policy_url")?,
        terms_of_service_url: url(raw, "terms_of_service_url")?,
        contact_email: raw.text("contact_email"),
    })
}

fn hostname_of(text: &str) -> Option<String> {
    let name = text.trim().to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    (!name.is_empty() && name.len() <= 253 && name.chars().all(plain)).then_some(name)
}

fn url(raw: &Raw, key: &'static str) -> Result<Option<String>, ConfigError> {
    raw.parsed(key, "an http or https URL", |text| {
        let text = text.trim();
        (text.starts_with("https://") || text.starts_with("http://"))
            .then(|| text.trim_end_matches('/').to_owned())
    })
}

fn millis(raw: &Raw, key: &'static str, default: u64) -> Result<Duration, ConfigError> {
    Ok(Duration::from_millis(raw.number(key)?.unwrap_or(default)))
}

fn storage(raw: &Raw) -> Result<Storage, ConfigError> {
    let data_directory = PathBuf::from(raw.text("data_directory").unwrap_or_else(|| "data".into()));
    let inside = |key, name| raw.text(key).map_or_else(|| data_directory.join(name), PathBuf::from);
    Ok(Storage {
        blob_directory: inside("blob_directory", "blobs"),
        master_key_file: inside("master_key_file", "master.key"),
        event_retention: millis(raw, "event_retention_ms", 72 * 60 * 60 * 1000)?,
        min_free_bytes: raw.number("min_free_disk_space")?.unwrap_or(256 << 20),
        data_directory,
    })
}

fn secrets(raw: &Raw) -> Result<Secrets, ConfigError> {
    Ok(Secrets {
        admin_password: raw.text("admin_password"),
        metrics_token: raw.parsed("metrics_token", "at least 16 characters", |text| {
            (text.len() >= 16).then(|| text.to_owned())
        })?,
        jwt_secret: raw.parsed("jwt_secret", "at least 16 characters", |text| {
            (text.len() >= 16).then(|| text.to_owned())
        })?,
        plc_rotation_key: raw.parsed("plc_rotation_key", "64 hexadecimal digits", |text| {
            data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?.try_into().ok()
        })?,
    })
}

fn identity(raw: &Raw, service: &Service) -> Result<Identity, ConfigError> {
    let domains = raw.parsed("handle_domains", "domains that each begin with a dot", |text| {
        text.split(',')
            .map(str::trim)
            .filter(|domain| !domain.is_empty())
            .map(|domain| {
                (domain.starts_with('.') && domain.len() > 1).then(|| domain.to_ascii_lowercase())
            })
            .collect::<Option<Vec<_>>>()
            .filter(|domains| !domains.is_empty())
    })?;
    let own_domain = match service.hostname.as_str() {
        "localhost" => ".test".to_owned(),
        hostname => format!(".{hostname}"),
    };
    Ok(Identity {
        recovery_did_key: raw.parsed("recovery_did_key", "a did:key", |text| {
            cairn_identity::PublicKey::parse_did_key(text.trim())
                .ok()
                .map(|_| text.trim().to_owned())
        })?,
        plc_url: url(raw, "plc_url")?.unwrap_or_else(|| "https://plc.directory".into()),
        handle_domains: domains.unwrap_or_else(|| vec![own_domain]),
        handle_backup_nameservers: raw
            .parsed("handle_backup_nameservers", "IP addresses", name_servers)?
            .unwrap_or_default(),
        hosted_did_web: raw.flag("hosted_did_web")?.unwrap_or(false),
        did_doc_with_session: raw.flag("did_doc_with_session")?.unwrap_or(true),
        lexicon_authority: raw
            .parsed("lexicon_authority_did", "a DID", |text| Did::parse(text.trim()).ok())?,
    })
}

/// IP addresses, each with a port if it is not that of DNS.
fn name_servers(list: &str) -> Option<Vec<SocketAddr>> {
    const DNS_PORT: u16 = 53;
    let parse = |text: &str| {
        let address = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT));
        address.or_else(|_| text.parse()).ok()
    };
    list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(parse).collect()
}

fn limits(raw: &Raw) -> Result<Limits, ConfigError> {
    Ok(Limits {
        enabled: raw.flag("rate_limits_enabled")?.unwrap_or(true),
        bypass_key: raw.text("rate_limit_bypass_key"),
        bypass_ips: raw.list("rate_limit_bypass_ips").unwrap_or_default(),
        trusted_proxies: raw.list("trusted_proxies").unwrap_or_default(),
        trust_private_addresses: raw.flag("trust_private_addresses")?.unwrap_or(true),
        max_connections: at_least_one(raw, "max_connections")?.unwrap_or(16_384),
        max_connections_per_address: raw.number("max_connections_per_address")?.unwrap_or(256),
        head_timeout: Duration::from_millis(
            at_least_one(raw, "head_timeout_ms")?.unwrap_or(30_000),
        ),
        max_subscribers: raw.number("max_subscribers")?.unwrap_or(4_096),
        max_subscribers_per_address: raw.number("max_subscribers_per_address")?.unwrap_or(64),
        write_points_per_hour: raw.number("write_points_per_hour")?.unwrap_or(5000),
        write_points_per_day: raw.number("write_points_per_day")?.unwrap_or(35_000),
    })
}

fn at_least_one(raw: &Raw, key: &'static str) -> Result<Option<u64>, ConfigError> {
    raw.parsed(key, "a whole number above zero", |text| {
        text.trim().parse().ok().filter(|number| *number > 0)
    })
}

fn services(raw: &Raw, dev_mode: bool) -> Result<Services, ConfigError> {
    let moderation = remote(raw, "mod_service_url", "mod_service_did")?;
    Ok(Services {
        crawlers: raw.list("crawlers").unwrap_or_default(),
        app_view: remote(raw, "app_view_url", "app_view_did")?,
        reports: remote(raw, "report_service_url", "report_service_did")?
            .or_else(|| moderation.clone()),
        moderation,
        chat: remote(raw, "chat_service_url", "chat_service_did")?,
        video: remote(raw, "video_service_url", "video_service_did")?,
        cdn_url_pattern: raw.parsed(
            "app_view_cdn_url_pattern",
            "a URL with three times %s",
            |text| (text.matches("%s").count() == 3).then(|| text.to_owned()),
        )?,
        proxy_headers_timeout: duration(raw, "proxy_headers_timeout_ms", 10_000)?,
        proxy_body_timeout: duration(raw, "proxy_body_timeout_ms", 30_000)?,
        proxy_max_response_size: raw.number("proxy_max_response_size")?.unwrap_or(10 << 20),
        allow_private_addresses: raw.flag("disable_ssrf_protection")?.unwrap_or(dev_mode),
        fetch_max_response_size: raw.number("fetch_max_response_size")?.unwrap_or(512 * 1024),
    })
}

fn duration(raw: &Raw, key: &'static str, default_ms: u64) -> Result<Duration, ConfigError> {
    Ok(Duration::from_millis(raw.number(key)?.unwrap_or(default_ms)))
}

fn remote(
    raw: &Raw,
    url_key: &'static str,
    did_key: &'static str,
) -> Result<Option<Remote>, ConfigError> {
    let did = raw.parsed(did_key, "a DID", |text| {
        text.starts_with("did:").then(|| text.trim().to_owned())
    })?;
    match (url(raw, url_key)?, did) {
        (Some(url), Some(did)) => Ok(Some(Remote { url, did })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(ConfigError::Needs { key: url_key, needs: did_key }),
        (None, Some(_)) => Err(ConfigError::Needs { key: did_key, needs: url_key }),
    }
}

#[cfg(test)]
mod tests;
