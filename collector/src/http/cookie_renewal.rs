//! Renews the visitor cookie: Safari deletes cookies that a script has set after seven days, but not those that a server has set.
//!
//! If the collector shares the shop's domain, a page sends `POST /v2/cookie` after its script has set the cookie, and the response sets the same
//! cookie again. The page aborts that request when the cookie changes, so that a late response brings no earlier visitor back. No other
//! response sets the cookie. Pure functions: header texts in, a header text out.

use tillroll_protocol::cookies::{COOKIE_MAX_AGE_SECS, VISITOR_COOKIE, is_public_suffix};

/// Returns the `Set-Cookie` header that keeps the visitor cookie for another 400 days.
///
/// `cookies` is the request's `Cookie`, `host` its `Host`, `page` its `Origin` or `Referer`, and `wanted` the domain for which the page sets its
/// cookies, or empty for the widest. Returns None if the request has no visitor cookie, host or page belong to another domain, or `host` is not
/// a host name: a client may send any text, and the domain becomes part of a header.
pub fn renewed_cookie(cookies: &str, host: &str, page: &str, wanted: &str) -> Option<String> {
    let value = cookies.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == VISITOR_COOKIE)?.1;
    let (scheme, rest) = page.split_once("://")?;
    let page = without_port(rest.split(['/', '?', '#']).next()?);
    let host = without_port(host);
    if !is_address(host) && !is_host_name(host) {
        return None;
    }
    let domain = if is_address(host) {
        (host == page).then(String::new)?
    } else {
        format!(";Domain={}", shared_domain(host, page, wanted.trim_start_matches('.'))?)
    };
    let secure = if scheme == "https" { ";Secure" } else { "" };
    (!value.is_empty()).then(|| format!("{VISITOR_COOKIE}={value};Path=/;Max-Age={COOKIE_MAX_AGE_SECS};SameSite=Lax{domain}{secure}"))
}

/// Returns the widest domain that two hosts share and that is not a public suffix, or the wanted one. The browser library chooses the same.
fn shared_domain<'a>(host: &'a str, page: &str, wanted: &str) -> Option<&'a str> {
    let starts = host.rmatch_indices('.').map(|(at, _)| at + 1).chain([0]);
    let contains_page = |domain: &&str| page == *domain || page.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    // Browsers refuse a suffix that is named as the wanted domain.
    let is_allowed = |domain: &&str| if wanted.is_empty() { !is_public_suffix(domain) } else { *domain == wanted && domain.contains('.') };
    starts.filter_map(|at| host.get(at..)).filter(is_allowed).find(contains_page)
}

/// Returns whether a text is a host name: labels of letters, digits, hyphens and underscores (RFC 1123, and what browsers accept).
fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

/// Returns whether a host is an IP address or a single label, for which a cookie has no domain.
fn is_address(host: &str) -> bool {
    host.starts_with('[') || !host.contains('.') || host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_renewed_if_shop_and_collector_share_a_domain() {
        let table = [
            ("track.shop.com", "https://www.shop.com/x", Some(";Domain=shop.com;Secure")),
            ("www.shop.com", "http://www.shop.com/", Some(";Domain=shop.com")),
            ("t.shop.co.uk", "https://shop.co.uk/", Some(";Domain=shop.co.uk;Secure")),
            ("t.dm.de", "https://www.dm.de/", Some(";Domain=dm.de;Secure")),
            ("127.0.0.1:7070", "http://127.0.0.1:8080/", Some("")),
            ("localhost:7070", "http://localhost/", Some("")),
            ("collector.example.com", "https://www.shop.com/", None),
            ("evil-shop.com", "https://shop.com/", None),
            ("a.co.uk", "https://b.co.uk/", None),
            ("track.shop.com", "", None),
            ("x;Path=/;Domain=a.shop.com", "https://www.shop.com/", None),
            ("x.shop.com,y", "https://x.shop.com,y/", None),
            ("track..shop.com", "https://www.shop.com/", None),
            ("track.shop.com.", "https://track.shop.com./", None),
        ];
        for (host, page, end) in table {
            let wanted = end.map(|end| format!("cbuid=a%2Bb@x.com;Path=/;Max-Age=34560000;SameSite=Lax{end}"));
            assert_eq!(renewed_cookie("x=1; cbuid=a%2Bb@x.com; y=2", host, page, ""), wanted, "{host} {page}");
        }
    }

    #[test]
    fn the_cookie_is_renewed_for_the_wanted_domain_if_both_hosts_are_below_it() {
        let table = [
            ("shop.com", Some(";Domain=shop.com")),
            ("a.shop.com", Some(";Domain=a.shop.com")),
            (".a.shop.com", Some(";Domain=a.shop.com")),
            ("com", None),
            ("other.com", None),
            ("t.a.shop.com", None),
        ];
        for (wanted, end) in table {
            let renewed = renewed_cookie("cbuid=1", "t.a.shop.com", "http://www.a.shop.com/", wanted);
            assert_eq!(renewed, end.map(|end| format!("cbuid=1;Path=/;Max-Age=34560000;SameSite=Lax{end}")), "{wanted}");
        }
    }

    #[test]
    fn no_cookie_is_set_without_a_visitor_cookie() {
        for cookies in ["", "xcbuid=1", "cbuid=", "cbuid"] {
            assert_eq!(renewed_cookie(cookies, "shop.com", "https://shop.com/", ""), None, "{cookies}");
        }
    }
}
