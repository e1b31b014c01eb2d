//! CORS and security headers of responses.

use tillroll_collector::store::Options;

use crate::server::TestServer;

fn with_demo() -> TestServer {
    TestServer::with(&["--project", "t:secret", "--demo"], Options::default())
}

#[test]
fn preflight_of_the_batch_route_allows_any_origin() {
    let server = TestServer::start();
    let request = ureq::http::Request::options(server.client.url("/v2/batch")).body(()).unwrap();
    let response = ureq::run(request).unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert!(response.headers()["access-control-allow-methods"].to_str().unwrap().contains("POST"));
}

#[test]
fn options_and_405_name_the_same_methods() {
    let server = TestServer::start();
    for (path, methods) in [("/v2/batch", "POST"), ("/tracking.js", "GET,HEAD"), ("/j/t.js", "GET,HEAD")] {
        let request = ureq::http::Request::options(server.client.url(path)).body(()).unwrap();
        for response in [ureq::run(request).unwrap(), server.client.delete(path, &[])] {
            let allowed: Vec<_> = response.headers().get_all("allow").iter().collect();
            assert_eq!(allowed, [methods], "{path}: {}", response.status());
        }
    }
}

#[test]
fn cors_header_is_sent_only_on_routes_that_pages_use() {
    let server = with_demo();
    for (path, is_allowed) in [
        ("/v2/batch", true),
        ("/page/view", true),
        ("/api/track", true),
        ("/tracking.js", true),
        ("/oauth/token", true),
        ("/export/events", false),
        ("/export/customers", false),
        ("/import/orders", false),
        ("/v2/order", false),
        ("/live", false),
        ("/live/events", false),
        ("/metrics", false),
        ("/healthz", false),
        ("/readyz", false),
        ("/", false),
    ] {
        let headers = [("origin", "https://elsewhere.example"), ("host", "elsewhere.example")];
        let is_post = ["/v2/", "/page", "/api", "/import", "/oauth"].iter().any(|prefix| path.starts_with(prefix));
        let response = if is_post { server.client.post_with(path, &headers, "{}") } else { server.client.get(path, &headers) };
        assert_eq!(response.headers().contains_key("access-control-allow-origin"), is_allowed, "{path}");
    }
}

#[test]
fn collector_pages_forbid_content_from_other_origins_and_framing() {
    let server = with_demo();
    for path in ["/", "/cart.html", "/live", "/reports", "/customers", "/customers/a@x.com"] {
        let response = server.client.get(path, &[]);
        assert_eq!(response.status(), 200, "{path}");
        let header = |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{path}: {policy}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert!(!header("referrer-policy").is_empty(), "{path}");
    }
}
