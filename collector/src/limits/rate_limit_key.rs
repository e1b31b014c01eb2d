//! The key of the rate limit per address: which address a request counts for, and how much of it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;

/// Returns the client's address: that of the connection, or the one that the outermost of our own proxies added to `X-Forwarded-For`.
///
/// Each proxy appends the address that its request came from. Everything before the entries of our own proxies could be forged by the
/// client and is ignored.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted_proxies: usize) -> IpAddr {
    forwarded_for(headers, trusted_proxies).unwrap_or(peer).to_canonical()
}

/// Returns the key under which an address is counted: an IPv4 address itself, or the /64 prefix that a provider assigns to one IPv6 customer.
pub(super) fn ip_rate_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

fn forwarded_for(headers: &HeaderMap, trusted_proxies: usize) -> Option<IpAddr> {
    let from_end = trusted_proxies.checked_sub(1)?;
    let values: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    let entry = values.iter().rev().flat_map(|value| value.rsplit(',')).nth(from_end)?.trim();
    entry.parse().ok().or_else(|| entry.parse().ok().map(|address: SocketAddr| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_entries_of_trusted_proxies_are_used() {
        let headers: HeaderMap = [("1.1.1.1, 2.2.2.2"), ("3.3.3.3:99,  2001:db8::1")]
            .into_iter()
            .map(|value| (axum::http::HeaderName::from_static("x-forwarded-for"), value.parse().unwrap()))
            .collect();
        for (trusted_proxies, address) in [(0, None), (1, Some("2001:db8::1")), (2, Some("3.3.3.3")), (4, Some("1.1.1.1")), (5, None)] {
            assert_eq!(forwarded_for(&headers, trusted_proxies), address.map(|text| text.parse().unwrap()), "{trusted_proxies}");
        }
    }

    #[test]
    fn ipv6_addresses_of_one_customer_share_a_key() {
        let has_same_key = |a: &str, b: &str| ip_rate_key(a.parse().unwrap()) == ip_rate_key(b.parse().unwrap());
        assert!(has_same_key("2001:db8::1", "2001:db8::ffff:2"));
        assert!(!has_same_key("2001:db8::1", "2001:db8:0:1::1"));
        assert!(has_same_key("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!has_same_key("10.0.0.1", "10.0.0.2"));
    }
}
