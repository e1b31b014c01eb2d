//! Removes secrets and e-mail addresses from an address.

use std::borrow::Cow;

use super::{ProjectAddresses, email_text};

/// How deep addresses are read within the parameters of addresses.
const MAX_DEPTH: usize = 3;

/// What stands in a path instead of an e-mail address.
const EMAIL_PLACEHOLDER: &str = "(email)";

/// The parameters in a fragment, or of a redirect to a shop, in which a service puts what signs a visitor in.
const SIGN_IN_CODE: &str = "code";

/// Returns the address without secrets, or None if it has none.
pub(super) fn clean(address: &str, rules: &ProjectAddresses) -> Option<String> {
    if has_no_secret(address, rules) { None } else { clean_to_depth(address, rules, MAX_DEPTH) }
}

/// Returns whether an address has no secret, without a copy of it. False if that takes a closer look, which few addresses need.
fn has_no_secret(address: &str, rules: &ProjectAddresses) -> bool {
    // A fragment, an e-mail address, a parameter of the path or an escape sequence.
    if address.bytes().any(|byte| matches!(byte, b'#' | b'@' | b';' | b'%')) {
        return false;
    }
    let (_, query) = split(address, '?');
    query.is_none_or(|query| {
        // An address in a value.
        let may_nest = query.contains('?') || query.contains("//");
        !may_nest && !query.split('&').any(|pair| has_secret_name(pair, rules, true))
    })
}

fn clean_to_depth(address: &str, rules: &ProjectAddresses, depth: usize) -> Option<String> {
    let (rest, fragment) = split(address, '#');
    let (location, query) = split(rest, '?');
    let mut out = clean_location(location, rules);
    push_part(&mut out, '?', query.and_then(|query| clean_query(query, rules, depth, false)));
    push_part(&mut out, '#', fragment.and_then(|fragment| clean_fragment(fragment, rules, depth)));
    (out != address).then_some(out)
}

/// Returns the host of an address; empty if it has none.
pub(crate) fn host(address: &str) -> &str {
    let (_, authority, _) = split_authority(address);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())).map_or(host, |(host, _)| host)
}

fn split(text: &str, separator: char) -> (&str, Option<&str>) {
    text.split_once(separator).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn push_part(out: &mut String, separator: char, part: Option<String>) {
    if let Some(part) = part {
        out.push(separator);
        out.push_str(&part);
    }
}

/// Splits an address after `://` and after its host.
fn split_authority(address: &str) -> (&str, &str, &str) {
    let start = match address.find("//") {
        Some(at) if at == 0 || address.get(..at).is_some_and(|scheme| scheme.ends_with(':') && !scheme.contains(['/', '?', '#'])) => at + 2,
        _ => 0,
    };
    let (scheme, rest) = address.split_at_checked(start).unwrap_or((address, ""));
    let length = if start == 0 { 0 } else { rest.find(['/', '?', '#']).unwrap_or(rest.len()) };
    let (authority, rest) = rest.split_at_checked(length).unwrap_or((rest, ""));
    (scheme, authority, rest)
}

/// Returns scheme, host and path without user, password, parameters of the path and e-mail addresses.
fn clean_location(location: &str, rules: &ProjectAddresses) -> String {
    let (scheme, authority, path) = split_authority(location);
    let mut out = String::with_capacity(location.len());
    out.push_str(scheme);
    out.push_str(authority.rsplit_once('@').map_or(authority, |(_, host)| host));
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            out.push('/');
        }
        let mut parts = segment.split(';');
        out.push_str(&without_email(parts.next().unwrap_or_default()));
        for part in parts {
            if !has_secret_name(part, rules, false) {
                out.push(';');
                out.push_str(&without_email(part));
            }
        }
    }
    out
}

fn without_email(segment: &str) -> Cow<'_, str> {
    if !segment.contains(['@', '%']) {
        return segment.into();
    }
    let mut decoded = decode(segment).into_owned();
    let Some(mut found) = email_text::find(&decoded) else { return segment.into() };
    // Each replacement is shorter than what it replaces or contains no at sign, so this ends.
    loop {
        decoded.replace_range(found, EMAIL_PLACEHOLDER);
        match email_text::find(&decoded) {
            Some(next) => found = next,
            None => return encode(&decoded).into(),
        }
    }
}

/// Returns a query without the pairs that are secret, or None if none is left.
fn clean_query(query: &str, rules: &ProjectAddresses, depth: usize, is_fragment: bool) -> Option<String> {
    // A service redirects a visitor back with a code and the state that the shop gave.
    let is_redirect = is_fragment || query.split('&').any(|pair| pair.starts_with("state="));
    let named = query.split('&').filter(|pair| !has_secret_name(pair, rules, is_redirect)).map(|pair| clean_nested(pair, rules, depth));
    let cleaned: Vec<Cow<'_, str>> = named.filter(|pair| !has_email(pair)).collect();
    if cleaned.is_empty() { None } else { Some(cleaned.join("&")) }
}

/// Returns a fragment: one with parameters is cleaned like a query, one with a path and a query like an address.
fn clean_fragment(fragment: &str, rules: &ProjectAddresses, depth: usize) -> Option<String> {
    if depth == 0 || email_text::find(&decode(fragment)).is_some() && !fragment.contains(['=', '/']) {
        return None;
    }
    if fragment.contains('?') || fragment.starts_with('/') {
        return Some(clean_to_depth(fragment, rules, depth - 1).unwrap_or_else(|| fragment.to_owned()));
    }
    if fragment.contains('=') { clean_query(fragment, rules, depth, true) } else { Some(fragment.to_owned()) }
}

fn has_secret_name(pair: &str, rules: &ProjectAddresses, is_redirect: bool) -> bool {
    let name = decode(split(pair, '=').0);
    rules.is_secret(&name) || is_redirect && name == SIGN_IN_CODE && !rules.kept.contains(&name)
}

fn has_email(pair: &str) -> bool {
    pair.contains(['@', '%']) && email_text::find(&decode(&pair.replace(['+', '='], " "))).is_some()
}

/// Cleans an address in the value of a pair.
fn clean_nested<'a>(pair: &'a str, rules: &ProjectAddresses, depth: usize) -> Cow<'a, str> {
    let Some((name, value)) = pair.split_once('=').filter(|_| depth > 0) else { return pair.into() };
    let decoded = decode(value);
    if !decoded.contains(['?', '#']) && !decoded.contains("//") {
        return pair.into();
    }
    clean_to_depth(&decoded, rules, depth - 1).map_or(pair.into(), |cleaned| format!("{name}={}", encode(&cleaned)).into())
}

/// Decodes percent-encoding until nothing changes, at most [`MAX_DEPTH`] times.
fn decode(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..MAX_DEPTH {
        if !text.contains('%') {
            break;
        }
        let decoded = decode_once(&text);
        if decoded == text {
            break;
        }
        text = decoded.into();
    }
    text
}

fn decode_once(text: &str) -> String {
    let (mut out, bytes) = (Vec::with_capacity(text.len()), text.as_bytes());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = text.get(at + 1..at + 3).filter(|_| *byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(digits.unwrap_or(*byte));
        at += if digits.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encodes what cannot stand in a value.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_address_without_a_closer_look_has_no_secret(
            location in "(https:)?[/a-z;@&%]{0,9}",
            query in "([?](token|code|state|q)?=?[a-z/:?%@+;]{0,5}(&(token|code|state|q)?=?[a-z/]{0,5}){0,3})?(#[a-z=]{0,3})?",
        ) {
            let (address, rules) = (location + &query, ProjectAddresses::default());
            prop_assert_eq!(clean(&address, &rules), clean_to_depth(&address, &rules, MAX_DEPTH));
        }
    }

    #[test]
    fn secrets_are_removed() {
        let rules = ProjectAddresses::default();
        for (address, expected) in [
            ("https://shop.test/a?q=hat&page=2#reviews", None),
            ("https://shop.test/p@ge", None),
            ("Home & garden", None),
            ("/search?q=50%25+off", None),
            ("https://shop.test/?code=SUMMER10", None),
            ("https://shop.test/logo@2x.png?v=1", None),
            ("https://user:pass@shop.test/a", Some("https://shop.test/a")),
            ("//user@shop.test/a", Some("//shop.test/a")),
            ("https://shop.test/reset?token=abc", Some("https://shop.test/reset")),
            ("https://shop.test/reset?token=abc&lang=de", Some("https://shop.test/reset?lang=de")),
            ("https://shop.test/?a=1&Reset_Key=x&b=2#top", Some("https://shop.test/?a=1&b=2#top")),
            ("/order?%6Bey=wc_order_1&id=7", Some("/order?id=7")),
            ("/cb?code=abc&state=xyz", Some("/cb?state=xyz")),
            ("/#access_token=abc&token_type=bearer&expires_in=1", Some("/#expires_in=1")),
            ("/#id_token=abc", Some("/")),
            ("/#code=abc", Some("/")),
            ("/app#/reset?token=abc&x=1", Some("/app#/reset?x=1")),
            ("/newsletter?email=jo%40x.com&ok=1", Some("/newsletter?ok=1")),
            ("/newsletter?jo@x.com", Some("/newsletter")),
            ("/n?to=Jo+%3Cjo%40x.com%3E", Some("/n")),
            ("/n?e=jo%2540x.com", Some("/n")),
            ("/unsubscribe/jo@x.com/now", Some("/unsubscribe/(email)/now")),
            ("/unsubscribe/jo%40x.com", Some("/unsubscribe/(email)")),
            ("/#jo@x.com", Some("/")),
            ("/a;jsessionid=1A2B?x=1", Some("/a?x=1")),
            ("/login?next=%2Fcart%3Ftoken%3Dabc%26x%3D1", Some("/login?next=%2Fcart%3Fx%3D1")),
            ("/login?next=https%3A%2F%2Fu%3Ap%40shop.test%2Fa", Some("/login?next=https%3A%2F%2Fshop.test%2Fa")),
        ] {
            let cleaned = clean(address, &rules);
            assert_eq!(cleaned.as_deref(), expected, "{address}");
            assert_eq!(cleaned.and_then(|cleaned| clean(&cleaned, &rules)), None, "{address} is clean afterwards");
        }
    }

    #[test]
    fn host_is_found() {
        for (address, expected) in [
            ("https://u:p@www.shop.test:8443/a?b=//x", "www.shop.test"),
            ("//shop.test", "shop.test"),
            ("/path", ""),
            ("shop.test/a", ""),
            ("android-app://com.google.android.gm/", "com.google.android.gm"),
        ] {
            assert_eq!(host(address), expected, "{address}");
        }
    }
}
