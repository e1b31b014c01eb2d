//! Which client a request counts for: the key of every limit per address.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;

/// The client that a request counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ClientKey {
    /// A program on this machine, or a proxy on it without `--trust-proxy`.
    ThisMachine(IpAddr),
    /// An IPv4 address, or the /64 prefix that a provider assigns to one IPv6 customer.
    Address(IpAddr),
    /// Clients whose address the proxy's header does not name. They count as one client, because otherwise a header that cannot be read
    /// would be a way around every limit.
    Unreadable,
}

impl ClientKey {
    /// Returns the key of an address.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            address if address.is_loopback() => Self::ThisMachine(address),
            IpAddr::V6(address) => Self::Address(IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))),
            address => Self::Address(address),
        }
    }

    /// Returns the address, of an IPv6 one its prefix; `None` if the proxy's header does not name it.
    pub(crate) fn address(self) -> Option<IpAddr> {
        match self {
            Self::ThisMachine(address) | Self::Address(address) => Some(address),
            Self::Unreadable => None,
        }
    }

    /// Returns the key of a request: by the address of its connection, or by the one that the outermost of our own proxies added to
    /// `X-Forwarded-For`.
    ///
    /// Each proxy appends the address that its request came from. Everything before the entries of our own proxies could be forged by the
    /// client and is ignored, whatever bytes it consists of. A request without the header bypassed the proxies, and has its own address.
    pub(crate) fn of_request(peer: IpAddr, headers: &HeaderMap, trusted_proxies: usize) -> Self {
        let Some(from_end) = trusted_proxies.checked_sub(1) else { return Self::of(peer) };
        let values: Vec<&[u8]> = headers.get_all("x-forwarded-for").iter().map(axum::http::HeaderValue::as_bytes).collect();
        if values.is_empty() {
            return Self::of(peer);
        }
        let entry = values.iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b',')).nth(from_end);
        entry.and_then(parse_entry).map_or(Self::Unreadable, Self::of)
    }
}

/// Parses an entry: an address, also in brackets or with a port.
fn parse_entry(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    text.parse().ok().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn key(values: &[&[u8]], trusted_proxies: usize) -> ClientKey {
        let name = HeaderName::from_static("x-forwarded-for");
        let headers: HeaderMap = values.iter().map(|value| (name.clone(), HeaderValue::from_bytes(value).unwrap())).collect();
        ClientKey::of_request("127.0.0.1".parse().unwrap(), &headers, trusted_proxies)
    }

    fn of(address: &str) -> ClientKey {
        ClientKey::of(address.parse().unwrap())
    }

    #[test]
    fn only_entries_of_trusted_proxies_are_used() {
        let values: &[&[u8]] = &[b"1.1.1.1, 2.2.2.2", b"3.3.3.3:99,  2001:db8::1"];
        for (trusted_proxies, expected) in
            [(0, of("127.0.0.1")), (1, of("2001:db8::1")), (2, of("3.3.3.3")), (4, of("1.1.1.1")), (5, ClientKey::Unreadable)]
        {
            assert_eq!(key(values, trusted_proxies), expected, "{trusted_proxies}");
        }
        assert_eq!(key(&[], 1), of("127.0.0.1"));
    }

    #[test]
    fn what_a_client_sent_before_the_entry_of_the_proxy_changes_nothing() {
        for before in [&b"\xff"[..], b"\xc3\xa4", b"", b",,", b"\"", b"9.9.9.9"] {
            assert_eq!(key(&[&[before, b", 203.0.113.9"].concat()], 1), of("203.0.113.9"), "{before:?}");
            assert_eq!(key(&[before, b"203.0.113.9"], 1), of("203.0.113.9"), "{before:?}");
        }
    }

    #[test]
    fn entries_that_cannot_be_read_share_a_key() {
        for value in [&b"\xff"[..], b"nonsense", b"1.2.3.4,", b"unknown", b"1.2.3.4.5", b"[::1"] {
            assert_eq!(key(&[value], 1), ClientKey::Unreadable, "{value:?}");
        }
        for (value, address) in [("[2001:db8::1]", "2001:db8::1"), ("[2001:db8::1]:80", "2001:db8::1"), ("\t1.2.3.4 ", "1.2.3.4")] {
            assert_eq!(key(&[value.as_bytes()], 1), of(address));
        }
    }

    #[test]
    fn ipv6_addresses_of_one_customer_share_a_key() {
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
