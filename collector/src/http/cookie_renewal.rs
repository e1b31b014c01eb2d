//! Renews the visitor cookie: Safari deletes cookies that a script has set after seven days, but not those that a server has set.
//!
//! If the collector shares the shop's domain, the browser sends it the cookie with each request for the script, and the response sets the
//! same cookie again. Pure functions: header texts in, a header text out.

use tillroll_protocol::cookies::{COOKIE_MAX_AGE_SECS, VISITOR_COOKIE, is_public_suffix};

/// Returns the `Set-Cookie` header that keeps the visitor cookie for another 400 days.
///
/// `cookies` is the request's `Cookie`, `host` its `Host` and `page` its `Referer`. Returns None if the request has no visitor cookie or
/// the page belongs to another domain.
pub fn renewed_cookie(cookies: &str, host: &str, page: &str) -> Option<String> {
    let value = cookies.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == VISITOR_COOKIE)?.1;
    let (scheme, rest) = page.split_once("://")?;
    let page = without_port(rest.split(['/', '?', '#']).next()?);
    let host = without_port(host);
    let domain = if is_address(host) { (host == page).then(String::new)? } else { format!(";Domain={}", shared_domain(host, page)?) };
    let secure = if scheme == "https" { ";Secure" } else { "" };
    (!value.is_empty()).then(|| format!("{VISITOR_COOKIE}={value};Path=/;Max-Age={COOKIE_MAX_AGE_SECS};SameSite=Lax{domain}{secure}"))
}

/// Returns the widest domain that two hosts share and that is not a public suffix. The browser library chooses the same domain.
fn shared_domain<'a>(host: &'a str, page: &str) -> Option<&'a str> {
    let starts = host.rmatch_indices('.').map(|(at, _)| at + 1).chain([0]);
    let contains_page = |domain: &&str| page == *domain || page.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    starts.filter_map(|at| host.get(at..)).filter(|domain| !is_public_suffix(domain)).find(contains_page)
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
            ("127.0.0.1:7070", "http://127.0.0.1:8080/", Some("")),
            ("localhost:7070", "http://localhost/", Some("")),
            ("collector.example.com", "https://www.shop.com/", None),
            ("evil-shop.com", "https://shop.com/", None),
            ("a.co.uk", "https://b.co.uk/", None),
            ("track.shop.com", "", None),
        ];
        for (host, page, end) in table {
            let wanted = end.map(|end| format!("cbuid=a%2Bb@x.com;Path=/;Max-Age=34560000;SameSite=Lax{end}"));
            assert_eq!(renewed_cookie("x=1; cbuid=a%2Bb@x.com; y=2", host, page), wanted, "{host} {page}");
        }
    }

    #[test]
    fn no_cookie_is_set_without_a_visitor_cookie() {
        for cookies in ["", "xcbuid=1", "cbuid=", "cbuid"] {
            assert_eq!(renewed_cookie(cookies, "shop.com", "https://shop.com/"), None, "{cookies}");
        }
    }
}
