//! The address of a ClickHouse server, as the operator writes it.

use std::fmt;
use std::str::FromStr;

/// The schemes, and the scheme of HTTP that each stands for.
const SCHEMES: [(&str, &str, u16); 2] = [("clickhouse://", "http", 8123), ("clickhouses://", "https", 8443)];

/// `clickhouse://USER@HOST:PORT/DATABASE`, or `clickhouses://` for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClickHouseAddress {
    /// The address of the HTTP interface, without a path.
    pub(super) url: String,
    /// The user.
    pub(super) user: String,
    /// The database.
    pub(super) database: String,
}

impl FromStr for ClickHouseAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || "write clickhouse://USER@HOST:PORT/DATABASE, or clickhouses:// for TLS".to_owned();
        let found = SCHEMES.iter().find_map(|(prefix, scheme, port)| Some((text.strip_prefix(prefix)?, scheme, port)));
        let (rest, scheme, default_port) = found.ok_or_else(form)?;
        let (authority, database) = rest.split_once('/').ok_or_else(form)?;
        let (user, host) = authority.rsplit_once('@').unwrap_or(("default", authority));
        if user.contains(':') {
            return Err("the password does not belong in the address; set TILLROLL_CLICKHOUSE_PASSWORD".into());
        }
        // An address of IPv6 has colons within brackets.
        let port = host.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.contains(']'));
        if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
            return Err("the port must be a number from 1 to 65535".into());
        }
        let is_name = |text: &str| !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        let is_host =
            |text: &str| !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-:[]".contains(letter));
        if !is_name(database) || !is_host(host) || user.is_empty() {
            return Err(form());
        }
        let port = if port.is_some() { String::new() } else { format!(":{default_port}") };
        Ok(Self { url: format!("{scheme}://{host}{port}"), user: user.into(), database: database.into() })
    }
}

impl fmt::Display for ClickHouseAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (database {}, user {})", self.url, self.database, self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_and_bad_ones_rejected() {
        for (text, expected) in [
            ("clickhouse://tillroll@ch.example:8123/shop", Some(("http://ch.example:8123", "tillroll", "shop"))),
            ("clickhouses://u@[::1]/shop_1", Some(("https://[::1]:8443", "u", "shop_1"))),
            ("clickhouse://127.0.0.1:1/d", Some(("http://127.0.0.1:1", "default", "d"))),
            ("clickhouse://u:secret@h/d", None),
            ("clickhouse://u@h:99999/d", None),
            ("clickhouse://u@h:0/d", None),
            ("clickhouse://u@h:/d", None),
            ("clickhouse://u@h", None),
            ("clickhouse://u@h/", None),
            ("clickhouse://u@h/a;b", None),
            ("clickhouse://u@h?x/d", None),
            ("http://u@h/d", None),
        ] {
            let parsed = text.parse::<ClickHouseAddress>().ok();
            let found = parsed.as_ref().map(|address| (address.url.as_str(), address.user.as_str(), address.database.as_str()));
            assert_eq!(found, expected, "{text}");
        }
    }
}
