//! Which addresses the server may speak to. Without this, anybody who can name a URL (a handle, a did:web, a
//! client id) could make the server call its own neighbours.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use url::{Host, Url};

use crate::fetch::FetchError;

/// What the guarded client allows.
#[derive(Clone, Debug)]
pub struct GuardPolicy {
    /// Allows private addresses and plain http: development, tests and private networks only.
    pub allow_private: bool,
    /// From the start of a request until its headers are there, redirects included; for [`fetch`] until the body is.
    ///
    /// [`fetch`]: crate::GuardedClient::fetch
    pub timeout: Duration,
    /// From the headers of a streamed response until the end of its body.
    pub body_timeout: Duration,
    /// The largest response body.
    pub max_bytes: usize,
    /// Redirects followed before giving up.
    pub max_redirects: u8,
    /// The `User-Agent` of every request.
    pub user_agent: String,
    /// Names that stand for these addresses, as in a hosts file. A port other than 0 is used for URLs without one. The
    /// checks of addresses apply.
    pub hosts: HashMap<String, SocketAddr>,
    /// Certificates (PEM) that are trusted beside the system's: for tests and private networks.
    pub roots_pem: Vec<String>,
}

impl Default for GuardPolicy {
    fn default() -> Self {
        Self {
            allow_private: false,
            timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            max_bytes: 1024 * 1024,
            max_redirects: 5,
            user_agent: concat!("cairn/", env!("CARGO_PKG_VERSION")).to_owned(),
            hosts: HashMap::new(),
            roots_pem: Vec::new(),
        }
    }
}

impl GuardPolicy {
    /// Checks a URL before anything is sent: scheme, no credentials, no literal private address.
    pub(crate) fn check(&self, url: &Url) -> Result<(), FetchError> {
        let scheme_allowed = match url.scheme() {
            "https" => true,
            "http" => self.allow_private,
            _ => false,
        };
        if !scheme_allowed {
            return Err(FetchError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Credentials);
        }
        match url.host() {
            None => Err(FetchError::Url),
            Some(Host::Domain(_)) => Ok(()),
            Some(Host::Ipv4(ip)) => self.check_ip(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => self.check_ip(IpAddr::V6(ip)),
        }
    }

    fn check_ip(&self, ip: IpAddr) -> Result<(), FetchError> {
        if self.allow_private || is_public_ip(ip) {
            return Ok(());
        }
        Err(FetchError::PrivateAddress)
    }
}

/// The name resolution of the guarded client: the system's, without private addresses. The connection is made to the
/// very addresses that were checked, so a name that resolves differently the next time gains nothing.
pub(crate) struct GuardedDns {
    pub(crate) policy: Arc<GuardPolicy>,
}

/// A host name that stands for private addresses only.
#[derive(Debug, thiserror::Error)]
#[error("host resolves to private addresses only")]
pub(crate) struct PrivateHost;

impl reqwest::dns::Resolve for GuardedDns {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let policy = Arc::clone(&self.policy);
        Box::pin(async move {
            let all: Vec<SocketAddr> = match policy.hosts.get(name.as_str()) {
                Some(address) => vec![*address],
                None => tokio::net::lookup_host((name.as_str(), 0)).await?.collect(),
            };
            let found_any = !all.is_empty();
            let allowed: Vec<SocketAddr> =
                all.into_iter().filter(|addr| policy.check_ip(addr.ip()).is_ok()).collect();
            if found_any && allowed.is_empty() {
                return Err(PrivateHost.into());
            }
            Ok(Box::new(allowed.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

/// Whether an address is a unicast address of the public Internet (IANA special-purpose registries).
#[must_use]
pub fn is_public_ip(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let is_special = match (a, b, c) {
        // This network, private, loopback.
        (0 | 10 | 127, ..) => true,
        // Shared between carriers and customers.
        (100, 64..=127, _) => true,
        (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Protocol assignments, documentation, the withdrawn 6to4 relays, benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) => true,
        (198, 51, 100) | (203, 0, 113) => true,
        // Multicast, reserved, broadcast.
        (224.., ..) => true,
        _ => false,
    };
    !is_special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(v4) = ip.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let segments = ip.segments();
    let [s0, s1, s2, s3, s4, s5, s6, s7] = segments;
    // NAT64 reaches an IPv4 address through a translator of the local network.
    if [s0, s1, s2, s3, s4, s5] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return is_public_v4(embedded_v4(s6, s7));
    }
    match s0 {
        // 6to4 reaches an IPv4 address.
        0x2002 => is_public_v4(embedded_v4(s1, s2)),
        // Protocol assignments (Teredo among them) and documentation.
        0x2001 if s1 < 0x0200 || s1 == 0x0db8 => false,
        0x3fff if s1 < 0x1000 => false,
        // The only block from which global unicast addresses are given out.
        0x2000..=0x3fff => true,
        _ => false,
    }
}

fn embedded_v4(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}
