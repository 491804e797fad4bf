//! Whose request it is: the peer's address, or what trusted proxies say.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::{IpNet, Ipv6Net};

/// Peers that are taken for reverse proxies: what they say of the client's address is believed.
#[derive(Clone, Debug)]
pub struct TrustedProxies {
    /// Peers on this machine and on private networks.
    pub near: bool,
    pub networks: Vec<IpNet>,
}

impl Default for TrustedProxies {
    fn default() -> Self {
        Self { near: true, networks: Vec::new() }
    }
}

impl TrustedProxies {
    /// Whether the address is a proxy's.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        (self.near && is_near(ip)) || self.networks.iter().any(|network| network.contains(&ip))
    }
}

/// The client's address.
///
/// From the right end of `X-Forwarded-For`, the first address that is not a proxy is the client's; what stands further
/// left may be invented.
pub fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> IpAddr {
    let mut client = peer.to_canonical();
    if !trusted.contains(client) {
        return client;
    }
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        let Ok(text) = value.to_str() else { return client };
        for hop in text.rsplit(',') {
            let Ok(hop) = hop.trim().parse::<IpAddr>() else { return client };
            client = hop.to_canonical();
            if !trusted.contains(client) {
                return client;
            }
        }
    }
    client
}

/// The client behind an address: with IPv6 the network of 64 bits that a client usually has whole.
pub(crate) fn client_network(ip: IpAddr) -> IpNet {
    const CLIENT_BITS: u8 = 64;
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpNet::from(IpAddr::V4(ip)),
        IpAddr::V6(ip) => IpNet::V6(Ipv6Net::new_assert(ip, CLIENT_BITS).trunc()),
    }
}

/// What stands for a client's address in the counters.
pub fn counted_as(ip: IpAddr) -> String {
    match client_network(ip) {
        IpNet::V4(network) => network.addr().to_string(),
        IpNet::V6(network) => network.to_string(),
    }
}

fn is_near(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted =
            TrustedProxies { near: true, networks: vec!["203.0.113.8/31".parse().unwrap()] };
        client_ip(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_proxies_are_believed() {
        assert_eq!(client("198.51.100.7", &["192.0.2.1"]), "198.51.100.7");
        assert_eq!(client("127.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("::ffff:10.0.0.1", &["6.6.6.6, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("127.0.0.1", &["6.6.6.6", "192.0.2.1, 203.0.113.9"]), "192.0.2.1");
        assert_eq!(client("127.0.0.1", &["nonsense"]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn private_networks_are_proxies_only_where_that_is_wanted() {
        let nobody = TrustedProxies { near: false, networks: Vec::new() };
        assert!(!nobody.contains("127.0.0.1".parse().unwrap()));
        assert!(TrustedProxies::default().contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!TrustedProxies::default().contains("198.51.100.7".parse().unwrap()));
    }

    #[test]
    fn an_address_of_version_6_counts_with_its_network() {
        assert_eq!(counted_as("2001:db8:1:2:3:4:5:6".parse().unwrap()), "2001:db8:1:2::/64");
        assert_eq!(counted_as("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1");
    }
}
