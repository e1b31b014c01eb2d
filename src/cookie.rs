//! Texts as cookies carry them, and how far a cookie may reach.

use tillroll_protocol::id::nibble;
use tillroll_protocol::json;
use tillroll_protocol::text::{cut, trim};

/// How long a visitor is remembered, in seconds: 400 days, the longest that browsers allow.
pub const LONGEST: &str = "34560000";

/// Returns `text` in a form that `decodeURIComponent` and PHP both read back, with the `@` of an address left as it is, because shops
/// look for one.
pub fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"@-_.~!*'()=&".contains(&byte) {
            json::push(&mut out, byte);
        } else {
            json::push(&mut out, b'%');
            json::hexadecimal(&mut out, byte, b'A');
        }
    }
    out
}

/// Returns what [`encode`] was given. A `%` that begins no byte stands for itself, and so does a `+`; what is no text then is empty.
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let mut digit = || ahead.next().and_then(nibble);
        match (byte, digit(), digit()) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// Returns the value of the cookie `name` in what `document.cookie` says, decoded; empty where there is none.
pub fn find(cookies: &str, name: &str) -> String {
    decode(value(cookies, b';', name))
}

/// Returns what follows `name=` in a text of such pairs; empty where none does.
pub fn value<'a>(pairs: &'a str, separator: u8, name: &str) -> &'a str {
    let mut rest = pairs;
    while !rest.is_empty() {
        let (pair, others) = cut(rest, separator);
        let (found, value) = cut(trim(pair), b'=');
        if found == name {
            return value;
        }
        rest = others;
    }
    ""
}

/// Returns the domains for which a cookie of `host` may be tried, the widest first and the host alone (an empty text) last.
///
/// A name that looks like a public suffix (`co.uk`) is left out, so that no browser has to refuse it.
pub fn domains(host: &str) -> Vec<&str> {
    let mut found = vec![""];
    let mut last = host.bytes().rev().take_while(|byte| *byte != b'.');
    let is_address = host.bytes().any(|byte| byte == b':') || last.all(|byte| byte.is_ascii_digit());
    let mut rest = if is_address { "" } else { host };
    while !rest.is_empty() {
        if !is_suffix(rest) {
            found.insert(0, rest);
        }
        rest = cut(rest, b'.').1;
    }
    found
}

/// Returns whether a domain looks like one under which strangers live: `co.uk`, `com.au`, or the name of a well-known host of shops.
fn is_suffix(domain: &str) -> bool {
    const HOSTS: &[&str] = &["myshopify.com", "github.io", "netlify.app", "vercel.app", "pages.dev", "web.app", "herokuapp.com"];
    let (name, country) = cut(domain, b'.');
    let is_national = country.len() == 2 && name.len() <= 3;
    is_national || country.is_empty() || HOSTS.contains(&domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_survives_php_and_keeps_its_sign() {
        assert_eq!(encode("a+b@x.com"), "a%2Bb@x.com");
        assert_eq!(find("x=1; cbuid=a%2Bb@x.com; y=2", "cbuid"), "a+b@x.com");
        assert_eq!(find("cbuid=a%2Bb%40x.com", "cbuid"), "a+b@x.com");
        assert_eq!(find("xcbuid=1", "cbuid"), "");
    }

    #[test]
    fn the_widest_domain_comes_first_and_no_suffix_at_all() {
        let table: [(&str, &[&str]); 6] = [
            ("www.shop.com", &["shop.com", "www.shop.com", ""]),
            ("www.shop.co.uk", &["shop.co.uk", "www.shop.co.uk", ""]),
            ("localhost", &[""]),
            ("127.0.0.1", &[""]),
            ("[::1]", &[""]),
            ("awesome.myshopify.com", &["awesome.myshopify.com", ""]),
        ];
        for (host, domains) in table {
            assert_eq!(super::domains(host), domains, "{host}");
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text: String) {
            prop_assert_eq!(decode(&encode(&text)), text);
        }

        #[test]
        fn an_encoded_text_is_a_cookie_value(text: String) {
            prop_assert!(encode(&text).bytes().all(|byte| byte.is_ascii_graphic() && !b"\",;\\+".contains(&byte)));
        }

        #[test]
        fn any_cookie_is_decoded(text: String) {
            decode(&text);
        }
    }
}
