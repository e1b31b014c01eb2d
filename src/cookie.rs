//! Texts as cookies carry them, and how far a cookie may reach.

use tillroll_protocol::email;

/// How long a visitor is remembered, in seconds: 400 days, the longest that browsers allow.
pub const LONGEST: &str = "34560000";

/// Returns `text` in a form that `decodeURIComponent` and PHP both read back, with the `@` of an address left as it is, because shops
/// look for one.
pub fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"@-_.~!*'()=&".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
    out
}

/// Returns what [`encode`] was given. A `%` that begins no byte stands for itself, and so does a `+`; what is no text then is empty.
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = if *first == b'%' { after.get(..2).and_then(byte) } else { None };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// Returns the value of the cookie `name` in what `document.cookie` says, decoded; empty where there is none.
pub fn find(cookies: &str, name: &str) -> String {
    let pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(found, _)| *found == name).map(|(_, value)| decode(value)).unwrap_or_default()
}

/// Returns the domains for which a cookie of `host` may be tried, the widest first and the host alone (an empty text) last.
///
/// A name that looks like a public suffix (`co.uk`) is left out, so that no browser has to refuse it.
pub fn domains(host: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let is_address = host.contains(':') || host.rsplit('.').next().is_none_or(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_address && !email::is_email(host) {
        let dots = host.rmatch_indices('.').map(|(at, _)| at + 1).skip(1);
        found = dots.chain([0]).filter_map(|at| host.get(at..)).filter(|domain| !is_suffix(domain)).collect();
    }
    found.push("");
    found
}

/// Returns whether a domain looks like one under which strangers live: `co.uk`, `com.au`, or the name of a well-known host of shops.
fn is_suffix(domain: &str) -> bool {
    const HOSTS: &[&str] = &["myshopify.com", "github.io", "netlify.app", "vercel.app", "pages.dev", "web.app", "herokuapp.com"];
    let is_national = |(name, country): (&str, &str)| country.len() == 2 && name.len() <= 3;
    HOSTS.contains(&domain) || !domain.contains('.') || domain.split_once('.').is_some_and(is_national)
}

fn byte(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0, |byte, digit| Some(byte << 4 | char::from(*digit).to_digit(16)? as u8))
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
