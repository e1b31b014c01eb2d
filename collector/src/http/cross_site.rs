//! Cross-site requests: a page of another site may make an owner's browser send a request, and the browser adds the credentials that the
//! owner has entered before. Such a request must change nothing.
//!
//! Programs send neither of the two headers. HTTP Basic is the only kind of credentials that a browser adds by itself.

use axum::http::{HeaderMap, Method, Uri, header};

/// The values of `Sec-Fetch-Site` of requests that no other site has caused.
const OWN_SITE: [&str; 2] = ["same-origin", "none"];

/// Returns whether a page of another origin made a browser send this request, and the request could change something.
///
/// A browser that sends `Sec-Fetch-Site` decides by itself which origin is foreign, also behind a proxy that replaces `Host`. An older one
/// sends `Origin`, which must name the host that the request was sent to.
pub(super) fn is_foreign_change(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD) {
        return false;
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) => !OWN_SITE.contains(&site),
        (None, Some(origin)) => {
            let authority = uri.authority().map(axum::http::uri::Authority::as_str);
            !is_same_host(origin, text(header::HOST.as_str()).or(authority).unwrap_or_default())
        }
        (None, None) => false,
    }
}

/// Returns whether a browser sent this request. Programs send none of these headers.
pub(super) fn is_of_browser(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN)
}

/// Returns whether the request has credentials that a browser adds by itself.
pub(super) fn has_ambient_credentials(headers: &HeaderMap) -> bool {
    let scheme = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes().get(..5).unwrap_or_default());
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
}

/// Compares host and port. The scheme may differ, because a proxy may have removed TLS.
fn is_same_host(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let without_port = |authority: &str| authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase();
    !host.is_empty() && without_port(authority) == without_port(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_compared_by_host_and_port() {
        for (origin, host, is_same) in [
            ("https://t.shop.example", "t.shop.example", true),
            ("https://t.shop.example", "T.Shop.example:443", true),
            ("http://127.0.0.1:7070", "127.0.0.1:7070", true),
            ("http://127.0.0.1:7071", "127.0.0.1:7070", false),
            ("https://t.shop.example", "t.shop.example:80", false),
            ("https://www.shop.example", "t.shop.example", false),
            ("https://evil.example", "t.shop.example", false),
            ("null", "t.shop.example", false),
            ("https://", "", false),
            ("", "", false),
        ] {
            assert_eq!(is_same_host(origin, host), is_same, "{origin} {host}");
        }
    }
}
