//! One server, put together from its configuration.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use cairn_identity::{Clock, SystemClock};
use cairn_lexicon::Lexicons;
use cairn_model::Did;
use cairn_server::accounts::email::DisposableDomains;
use cairn_server::config::{
    ConnectionConfig, FirehoseConfig, Links, ProxyConfig, RateLimitConfig, Secret, ServerConfig,
    ServiceTarget, TrustedProxies, WriteLimits,
};
use cairn_server::mail::Mailer;
use cairn_server::{App, AppParts};
use cairn_store::{Store, StoreConfig};
use ipnet::IpNet;
use tokio::net::TcpListener;

use crate::config::{Config, Limits, Remote};
use crate::{identity, secrets};

/// A server that is ready to answer.
pub(crate) struct Instance {
    app: App,
    store: Store,
    /// What stands in DID documents.
    pub(crate) public_url: String,
}

/// Opens the socket.
pub(crate) async fn bind(config: &Config) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::new(config.service.listen, config.service.port);
    TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))
}

/// Opens the store and puts the server together.
pub(crate) async fn open(
    config: &Config,
    listener: &TcpListener,
    (mailer, moderation_mailer): (Arc<dyn Mailer>, Option<Arc<dyn Mailer>>),
) -> anyhow::Result<Instance> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let storage = StoreConfig {
        blob_dir: config.storage.blob_directory.clone(),
        master_key_file: config.storage.master_key_file.clone(),
        event_retention: config.storage.event_retention,
        min_free_bytes: config.storage.min_free_bytes,
        quotas: config.accounts.quotas,
        clock: Arc::clone(&clock),
        ..StoreConfig::new(&config.storage.data_directory)
    };
    let store = tokio::task::spawn_blocking(move || Store::open(storage))
        .await?
        .context("opening the store")?;
    let port = listener.local_addr()?.port();
    let jwt_secret = secrets::jwt_secret(&config.secrets, &store).await?;
    let disposable = disposable_domains(config.accounts.disposable_domains_file.as_deref()).await?;
    let server = server_config(config, port, jwt_secret, disposable)?;
    let network = identity::network(config, &store, &server.public_url, Arc::clone(&clock))?;
    let public_url = server.public_url.clone();
    let app = App::new(AppParts {
        rotation_key: secrets::rotation_key(&config.secrets, &store).await?,
        config: server,
        store: store.clone(),
        clock,
        resolver: Arc::new(network.resolver),
        plc: network.plc,
        http: network.http,
        lexicons: Lexicons::known(),
        mailer,
        moderation_mailer,
    });
    Ok(Instance { app, store, public_url })
}

impl Instance {
    /// Serves until `shutdown`, then closes the store.
    pub(crate) async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let served = cairn_server::serve(listener, self.app, shutdown).await;
        self.store.close().await;
        served.context("serving")
    }
}

async fn disposable_domains(file: Option<&Path>) -> anyhow::Result<DisposableDomains> {
    let Some(file) = file else { return Ok(DisposableDomains::default()) };
    let about = || format!("`disposable_domains_file`: {}", file.display());
    let list = tokio::fs::read_to_string(file).await.with_context(about)?;
    DisposableDomains::parse(&list).with_context(about)
}

fn server_config(
    config: &Config,
    port: u16,
    jwt_secret: Secret,
    disposable_domains: DisposableDomains,
) -> anyhow::Result<ServerConfig> {
    let service = &config.service;
    let (public_url, own_did) = names(&service.hostname, port);
    let crawlers = config.services.crawlers.iter().map(|url| url.parse());
    Ok(ServerConfig {
        public_url,
        hostname: service.hostname.clone(),
        service_did: Did::parse(service.did.as_deref().unwrap_or(&own_did))
            .context("`service_did` is not a DID")?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        dev_mode: service.dev_mode,
        handle_domains: config.identity.handle_domains.clone(),
        hosted_did_web: config.identity.hosted_did_web,
        admin_password: config
            .secrets
            .admin_password
            .as_ref()
            .map(|text| Secret::new(text.as_bytes())),
        metrics_token: config
            .secrets
            .metrics_token
            .as_ref()
            .map(|text| Secret::new(text.as_bytes())),
        jwt_secret,
        lexicon_authority: config.identity.lexicon_authority.clone(),
        recovery_did_key: config.identity.recovery_did_key.clone(),
        sign_up: config.accounts.sign_up,
        invite_interval: config.accounts.invite_interval,
        blocked_handle_words: config.accounts.blocked_handle_words.clone(),
        disposable_domains,
        blob_upload_limit: config.accounts.blob_upload_limit,
        import_limit: config.accounts.max_repo_import_size,
        accepting_imports: config.accounts.accepting_repo_imports,
        did_doc_with_session: config.identity.did_doc_with_session,
        branding: config.branding.clone(),
        email_confirmation_link: config.mail.confirmation_link,
        sign_in_alerts: config.mail.sign_in_alerts,
        links: Links {
            privacy_policy: service.privacy_policy_url.clone(),
            terms_of_service: service.terms_of_service_url.clone(),
        },
        contact_email: service.contact_email.clone(),
        crawlers: crawlers
            .collect::<Result<_, _>>()
            .context("`crawlers` holds something that is not a URL")?,
        appview: remote(config.services.app_view.as_ref())
            .context("`app_view_url` or `app_view_did`")?,
        moderation: remote(config.services.moderation.as_ref())
            .context("`mod_service_url` or `mod_service_did`")?,
        reports: remote(config.services.reports.as_ref())
            .context("`report_service_url` or `report_service_did`")?,
        chat: remote(config.services.chat.as_ref())
            .context("`chat_service_url` or `chat_service_did`")?,
        video: remote(config.services.video.as_ref())
            .context("`video_service_url` or `video_service_did`")?,
        proxy: ProxyConfig {
            headers_timeout: config.services.proxy_headers_timeout,
            body_timeout: config.services.proxy_body_timeout,
            max_response_bytes: usize::try_from(config.services.proxy_max_response_size)?,
            cdn_url_pattern: config.services.cdn_url_pattern.clone(),
        },
        oauth_trusted_clients: config.accounts.oauth_trusted_clients.clone(),
        rate_limits: rate_limits(&config.limits)?,
        write_limits: write_limits(config)?,
        trusted_proxies: trusted_proxies(config)?,
        connections: connections(&config.limits),
        firehose: firehose(&config.limits),
        settings: config.settings.clone(),
    })
}

/// The public URL and the DID that follows from it. Only localhost is served on plain http.
fn names(hostname: &str, port: u16) -> (String, String) {
    if hostname == "localhost" {
        return (format!("http://localhost:{port}"), format!("did:web:localhost%3A{port}"));
    }
    (format!("https://{hostname}"), format!("did:web:{hostname}"))
}

fn rate_limits(limits: &Limits) -> anyhow::Result<RateLimitConfig> {
    Ok(RateLimitConfig {
        enabled: limits.enabled,
        bypass_key: limits.bypass_key.as_ref().map(|text| Secret::new(text.as_bytes())),
        bypass_ips: networks(&limits.bypass_ips).context("`rate_limit_bypass_ips`")?,
    })
}

fn connections(limits: &Limits) -> ConnectionConfig {
    ConnectionConfig {
        max: count(limits.max_connections),
        max_per_address: count_or_any(limits.max_connections_per_address),
        head_timeout: limits.head_timeout,
    }
}

fn firehose(limits: &Limits) -> FirehoseConfig {
    FirehoseConfig {
        max_subscribers: count(limits.max_subscribers),
        max_per_address: count_or_any(limits.max_subscribers_per_address),
        ..FirehoseConfig::default()
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Zero is no limit.
fn count_or_any(number: u64) -> usize {
    if number == 0 { usize::MAX } else { count(number) }
}

/// Interop: as in the reference server, what has no rate limit is also believed about who its clients are.
fn trusted_proxies(config: &Config) -> anyhow::Result<TrustedProxies> {
    let limits = &config.limits;
    let mut trusted = networks(&limits.trusted_proxies).context("`trusted_proxies`")?;
    trusted.extend(networks(&limits.bypass_ips).context("`rate_limit_bypass_ips`")?);
    Ok(TrustedProxies { near: limits.trust_private_addresses, networks: trusted })
}

fn write_limits(config: &Config) -> anyhow::Result<Option<WriteLimits>> {
    let (per_hour, per_day) =
        (config.limits.write_points_per_hour, config.limits.write_points_per_day);
    // Either window alone can be lifted: a limit that no account reaches in its time.
    let window = |points: u64| if points == 0 { Ok(u32::MAX) } else { u32::try_from(points) };
    if per_hour == 0 && per_day == 0 {
        return Ok(None);
    }
    Ok(Some(WriteLimits {
        per_hour: window(per_hour).context("`write_points_per_hour` is too large")?,
        per_day: window(per_day).context("`write_points_per_day` is too large")?,
    }))
}

fn remote(service: Option<&Remote>) -> anyhow::Result<Option<ServiceTarget>> {
    service
        .map(|service| {
            Ok(ServiceTarget { url: service.url.parse()?, did: Did::parse(&service.did)? })
        })
        .transpose()
}

/// Interop: the reference server reads `10.0.0.0/8` as `10.0.0.0` alone; here it is the network.
fn networks(texts: &[String]) -> anyhow::Result<Vec<IpNet>> {
    let parse = |text: &String| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    texts
        .iter()
        .map(|text| {
            parse(text).with_context(|| format!("{text} is neither an IP address nor a network"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_read() {
        let texts = ["192.0.2.1", "10.0.0.0/8", "2001:db8::/32"].map(str::to_owned);
        let networks = networks(&texts).unwrap();
        assert!(networks[0].contains(&"192.0.2.1".parse::<IpAddr>().unwrap()));
        assert!(!networks[0].contains(&"192.0.2.2".parse::<IpAddr>().unwrap()));
        assert!(networks[1].contains(&"10.1.2.3".parse::<IpAddr>().unwrap()));
        assert!(super::networks(&["example.com".to_owned()]).is_err());
    }
}
