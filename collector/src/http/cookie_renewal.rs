//! Keeping the visitor's cookie alive: browsers forget cookies that a script made after seven days, but not those that a server sets.
//!
//! Where the collector shares the shop's domain, the browser sends it the cookie with each request for the script, and the answer sets it
//! again, unchanged. Pure: header texts in, a header text out.

/// The cookie that says who, by its documented name.
const COOKIE: &str = "cbuid";

/// 400 days in seconds, the longest that browsers allow.
const LONGEST: &str = "34560000";

/// Returns the `Set-Cookie` that keeps the visitor's cookie for another 400 days.
///
/// `cookies` is the request's `Cookie`, `host` its `Host` and `page` its `Referer`. None where there is no such cookie, or where the page
/// is of another domain.
pub fn renewed(cookies: &str, host: &str, page: &str) -> Option<String> {
    let value = cookies.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE)?.1;
    let (scheme, rest) = page.split_once("://")?;
    let page = without_port(rest.split(['/', '?', '#']).next()?);
    let host = without_port(host);
    let domain = if is_address(host) { (host == page).then(String::new)? } else { format!(";Domain={}", shared(host, page)?) };
    let secure = if scheme == "https" { ";Secure" } else { "" };
    (!value.is_empty()).then(|| format!("{COOKIE}={value};Path=/;Max-Age={LONGEST};SameSite=Lax{domain}{secure}"))
}

/// Returns the widest domain that two hosts share, as the page's half chooses it: no public suffix.
fn shared<'a>(host: &'a str, page: &str) -> Option<&'a str> {
    let starts = host.rmatch_indices('.').map(|(at, _)| at + 1).chain([0]);
    let within = |domain: &&str| page == *domain || page.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    starts.filter_map(|at| host.get(at..)).filter(|domain| !is_suffix(domain)).find(within)
}

/// Returns whether a domain looks like one under which strangers live: `co.uk`, `com.au`, a single label.
fn is_suffix(domain: &str) -> bool {
    domain.split_once('.').is_none_or(|(name, country)| name.len() <= 3 && country.len() == 2)
}

/// Returns whether a host is an address or a name of one label, for which no cookie has a domain.
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
    fn the_cookie_is_set_again_where_the_shop_is_next_door() {
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
            assert_eq!(renewed("x=1; cbuid=a%2Bb@x.com; y=2", host, page), wanted, "{host} {page}");
        }
    }

    #[test]
    fn nobody_gets_a_cookie_who_had_none() {
        for cookies in ["", "xcbuid=1", "cbuid=", "cbuid"] {
            assert_eq!(renewed(cookies, "shop.com", "https://shop.com/"), None, "{cookies}");
        }
    }
}
