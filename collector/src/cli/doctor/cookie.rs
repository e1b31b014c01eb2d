//! Whether the visitor's cookie can be set by the server: Safari deletes cookies that only scripts set after seven days.

use tillroll_protocol::cookies::VISITOR_COOKIE;

use super::report::{Finding, Report};
use crate::cli::server::{ServerClient, header};

/// The value of the cookie that is sent, which no visitor has.
const VALUE: &str = "tillroll-doctor";

/// Reports whether a page of the shop gets its cookie back; without a shop, a page of the server's own address.
pub(super) fn check(server: &ServerClient, shop: Option<&str>, report: &mut Report) {
    let origin = shop.unwrap_or(&server.url).trim_end_matches('/');
    report.add("cookie", &renewal(server, origin, shop.is_some()));
}

fn renewal(server: &ServerClient, origin: &str, is_shop: bool) -> Finding {
    let cookie = format!("{VISITOR_COOKIE}={VALUE}");
    let response = match server.post("/v2/cookie", &[("cookie", cookie.as_str()), ("origin", origin)], &[]) {
        Ok(response) => response,
        Err(error) => return Finding::problem(format!("{error:#}")),
    };
    let renewed = header(&response, "set-cookie");
    let is_https = origin.starts_with("https://");
    match response.status().as_u16() {
        204 if renewed.starts_with(&cookie) && is_https && !renewed.contains(";Secure") && !renewed.contains("; Secure") => {
            Finding::problem("Set-Cookie has no Secure for a page over HTTPS: let the proxy keep the header Origin")
        }
        204 if renewed.starts_with(&cookie) => Finding::ok(match domain(renewed) {
            Some(domain) => format!("pages of {origin} keep their cookie, for {domain}"),
            None => format!("pages of {origin} keep their cookie"),
        }),
        204 if is_shop => Finding::warning(format!(
            "{origin} and the server share no domain, so Safari deletes the cookie after seven days: serve the collector at a subdomain of the \
             shop, or let the proxy keep the headers Host, Origin, Cookie and Set-Cookie"
        )),
        204 => Finding::problem("no cookie comes back: let the proxy keep the headers Host, Origin, Cookie and Set-Cookie"),
        status => Finding::problem(format!("/v2/cookie has status {status}: let the proxy pass POST and every path on")),
    }
}

fn domain(cookie: &str) -> Option<&str> {
    cookie.split(';').find_map(|part| part.trim().strip_prefix("Domain="))
}
