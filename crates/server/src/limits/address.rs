//! Whose request it is: the peer's address, or what trusted proxies say.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::{IpNet, Ipv6Net};

/// The client's address.
///
/// A peer on this machine or on a private network is taken for a reverse proxy; so are the configured ones. From the
/// right end of `X-Forwarded-For`, the first address that is not a proxy is the client's; what stands further left may be
/// invented.
pub fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    if !is_proxy(client, trusted) {
        return client;
    }
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        let Ok(text) = value.to_str() else { return client };
        for hop in text.rsplit(',') {
            let Ok(hop) = hop.trim().parse::<IpAddr>() else { return client };
            client = hop.to_canonical();
            if !is_proxy(client, trusted) {
                return client;
            }
        }
    }
    client
}

/// What stands for a client's address in the counters: with IPv6 the network of 64 bits that a client usually has whole.
pub fn counted_as(ip: IpAddr) -> String {
    const CLIENT_BITS: u8 = 64;
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => Ipv6Net::new_assert(ip, CLIENT_BITS).trunc().to_string(),
    }
}

fn is_proxy(ip: IpAddr, trusted: &[IpNet]) -> bool {
    let near = match ip {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    near || trusted.iter().any(|network| network.contains(&ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        client_ip(peer.parse().unwrap(), &headers, &["203.0.113.8/31".parse().unwrap()]).to_string()
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
}
