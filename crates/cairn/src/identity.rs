//! How this server finds DIDs and handles: its own accounts first, then the network.

use std::sync::Arc;

use anyhow::Context;
use cairn_identity::{
    Clock, GuardPolicy, GuardedClient, LocalHandles, NetworkResolver, NetworkResolverConfig,
    PlcClient, TxtLookup,
};
use cairn_model::Handle;
use cairn_server::accounts::handle_policy::is_apex;
use cairn_server::accounts::hosted;
use cairn_store::Store;
use url::Url;

use crate::config::Config;

/// The ways out to the network.
pub(crate) struct Network {
    pub(crate) http: GuardedClient,
    pub(crate) plc: PlcClient,
    pub(crate) resolver: NetworkResolver,
}

/// Builds them. Nothing is sent before the first look-up.
pub(crate) fn network(
    config: &Config,
    store: &Store,
    public_url: &str,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Network> {
    let plc_url: Url = config.identity.plc_url.parse().context("`plc_url` is not a URL")?;
    let policy = GuardPolicy {
        allow_private: config.services.allow_private_addresses,
        max_bytes: usize::try_from(config.services.fetch_max_response_size)?,
        ..GuardPolicy::default()
    };
    // The operator named the directory, so it may stand on a private network.
    let plc_policy = GuardPolicy {
        allow_private: policy.allow_private || plc_url.scheme() == "http",
        ..GuardPolicy::default()
    };
    let http = GuardedClient::new(policy).context("building the outbound client")?;
    let plc_http =
        GuardedClient::new(plc_policy).context("building the client of the PLC directory")?;
    let plc = PlcClient::new(&plc_url, plc_http).context("`plc_url` is not usable")?;
    let resolver = NetworkResolver::new(NetworkResolverConfig {
        plc: plc.clone(),
        http: http.clone(),
        clock,
        dns: dns(config),
        backup_dns: backup_dns(config).context("`handle_backup_nameservers`")?,
        local_handles: Some(local_handles(config, store)),
        local_documents: Some(hosted::local_documents(
            store.clone(),
            &config.identity.handle_domains,
            public_url,
        )),
    });
    Ok(Network { http, plc, resolver })
}

/// Development runs without any network; elsewhere a machine without DNS still resolves by HTTPS.
fn dns(config: &Config) -> Option<TxtLookup> {
    if config.service.dev_mode {
        return None;
    }
    match TxtLookup::system() {
        Ok(lookup) => Some(lookup),
        Err(err) => {
            tracing::warn!(
                error = &err as &dyn std::error::Error,
                "DNS is not usable; handles are resolved by HTTPS only"
            );
            None
        }
    }
}

fn backup_dns(config: &Config) -> anyhow::Result<Option<TxtLookup>> {
    let servers = &config.identity.handle_backup_nameservers;
    if servers.is_empty() || config.service.dev_mode {
        return Ok(None);
    }
    Ok(Some(TxtLookup::with_servers(servers)?))
}

/// Handles under the server's own domains, and these themselves, are the server's to answer for.
fn local_handles(config: &Config, store: &Store) -> LocalHandles {
    let domains: Arc<[String]> = config.identity.handle_domains.clone().into();
    let store = store.clone();
    Arc::new(move |handle: Handle| {
        let (domains, store) = (Arc::clone(&domains), store.clone());
        Box::pin(async move {
            let is_ours = domains.iter().any(|domain| handle.as_str().ends_with(domain.as_str()))
                || is_apex(handle.as_str(), &domains);
            if !is_ours {
                return None;
            }
            match store.account(handle).await {
                Ok(account) => account
                    .filter(|account| account.status().is_active())
                    .map(|account| account.did.clone()),
                Err(err) => {
                    tracing::error!(
                        error = &err as &dyn std::error::Error,
                        "looking up a handle of our own"
                    );
                    None
                }
            }
        })
    })
}
