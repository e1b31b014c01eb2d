//! The redirect of the listener without encryption. A client that would follow it with another method gets 308, which keeps the method.

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// The port that URLs of HTTPS do not name.
const HTTPS_PORT: u16 = 443;

/// Redirects to the same host and path over HTTPS on `port`.
pub(super) fn redirect(headers: &HeaderMap, uri: &Uri, port: u16) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(without_port).filter(|host| is_host(host));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let port = if port == HTTPS_PORT { String::new() } else { format!(":{port}") };
    match host.map(|host| HeaderValue::from_str(&format!("https://{host}{port}{path}"))) {
        Some(Ok(location)) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response(),
        _ => (StatusCode::BAD_REQUEST, "the request names no valid host\n").into_response(),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Returns whether a text is a host name or an address: it becomes part of a header.
fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_redirect_keeps_host_path_and_query() {
        let table = [
            ("shop.com", "/a?b=c", 443, Some("https://shop.com/a?b=c")),
            ("shop.com:80", "/", 8443, Some("https://shop.com:8443/")),
            ("[::1]:80", "/", 443, Some("https://[::1]/")),
            ("evil.com/x", "/", 443, None),
            ("", "/", 443, None),
        ];
        for (host, path, port, wanted) in table {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            let response = redirect(&headers, &Uri::from_static(path), port);
            let location = response.headers().get(header::LOCATION).map(|location| location.to_str().unwrap());
            assert_eq!((location, response.status().as_u16()), (wanted, if wanted.is_some() { 308 } else { 400 }), "{host}");
        }
    }
}
