//! Paths and methods: known paths with another method, unknown paths, slashes that do not count, OPTIONS, and paths that are not UTF-8.

use serde_json::json;
use tillroll_collector::store::Options;

use crate::server::{TestServer, basic, read_json, view};

#[test]
fn unsupported_method_gets_405_and_unknown_path_gets_404() {
    let server = TestServer::start();
    let posted = ["/v2/batch", "/v2/calls", "/page/view", "/v1/cart/add", "/v2/checkout", "/api/track", "/order", "/v2/order/batch"];
    let owner_only = ["/tracking/t/activity", "/import/orders", "/oauth/token", "/reports/token"];
    let read = ["/tracking.js", "/j/t.js", "/assets/x", "/healthz", "/readyz", "/metrics", "/live", "/live/events", "/reports"];
    let exported = ["/export/events", "/export/customers", "/export/carts", "/export/returns"];
    let paths = posted.iter().chain(&owner_only).chain(&read).chain(&exported);
    for path in paths {
        let mut response = server.client.delete(path, &[]);
        assert_eq!(response.status(), 405, "{path}");
        assert!(response.headers().contains_key("allow"), "{path}");
        assert_eq!(read_json(&mut response)["error"]["code"], "method_not_allowed", "{path}");
    }
    let mut response = server.client.get("/nowhere", &[]);
    assert_eq!((response.status().as_u16(), &read_json(&mut response)["error"]["code"]), (404, &json!("not_found")));
}

#[test]
fn path_whose_percent_encoding_is_not_utf_8_is_rejected() {
    let server = TestServer::start();
    let owner = [("authorization", &*basic("t", "secret"))];
    let mut erased = server.client.delete("/customers/%ff@x.com", &owner);
    assert_eq!((erased.status().as_u16(), &read_json(&mut erased)["error"]["field"]), (400, &json!("email")));
    for (path, status, code) in [("/import/%ff", 404, "not_found"), ("/tracking/%ff/activity", 401, "unknown_token")] {
        let mut response = server.client.post_with(path, &owner, "{}");
        assert_eq!((response.status().as_u16(), &read_json(&mut response)["error"]["code"]), (status, &json!(code)), "{path}");
    }
    for path in ["/assets/%ff", "/j/%ff.js", "/tags/%c3%28.js", "/j/assets/%ff", "/live/%ff", "/reports/%ff.js"] {
        let mut response = server.client.get(path, &[]);
        assert_eq!((response.status().as_u16(), &read_json(&mut response)["error"]["code"]), (400, &json!("bad_path")), "{path}");
    }
    for path in ["/%ff", "/v2/%zz", "/assets/%zz", "/assets/%", "/metrics%ff"] {
        let mut response = server.client.get(path, &[]);
        assert_eq!((response.status().as_u16(), &read_json(&mut response)["error"]["code"].is_string()), (404, &true), "{path}");
    }
}

#[test]
fn query_parameters_may_be_percent_encoded() {
    let server = TestServer::with(&["--project", "my~shop:secret"], Options::default());
    let owner = [("authorization", &*basic("my~shop", "secret"))];
    let request = json!({"scope": "view", "data": {}, "user": {"uid": "ab"}}).to_string();
    for token in ["my~shop", "my%7Eshop", "%6dy%7eshop"] {
        assert_eq!(server.client.post(&format!("/api/track?token={token}"), &request).status(), 200, "{token}");
    }
    assert_eq!(server.client.post("/api/track?token=%ff", &request).status(), 401);
    let mut response = server.client.get("/export/events?limit=%31", &owner);
    let first = read_json(&mut response);
    assert_eq!(first["cursor"], "e1");
    assert_eq!(server.client.get("/export/events?after=%65%31", &owner).body_mut().read_to_string().unwrap().lines().count(), 2);
}

#[test]
fn repeated_and_trailing_slashes_do_not_count() {
    let server = TestServer::start();
    let owner = [("authorization", &*basic("t", "secret"))];
    for (number, path) in (1..).zip(["/v2/batch", "//v2/batch", "/v2/batch/", "//v2///batch//", "/v2/batch/?x=1"]) {
        let body = json!({"token": "t", "events": [view(number, 1, "ab")]}).to_string();
        let mut response = server.client.post(path, &body);
        assert_eq!((response.status().as_u16(), &read_json(&mut response)["accepted"]), (200, &json!(1)), "{path}");
    }
    assert_eq!(server.client.get("//export//events/?limit=2", &owner).body_mut().read_to_string().unwrap().lines().count(), 2);
    for path in ["//healthz", "/live/", "/reports/", "//live/live.js"] {
        assert_eq!(server.client.get(path, &owner).status(), 200, "{path}");
    }
    assert_eq!(server.client.get("/live/nothing/", &owner).status(), 404);
}

#[test]
fn options_on_public_routes_allow_the_headers_that_are_asked_for() {
    let server = TestServer::start();
    let asked_for = "traceparent, x-newrelic-id,content-type";
    let paths = [
        "/tracking.js?token=t",
        "/j/t.js",
        "/tags/t.js",
        "/assets/nothing.wasm",
        "/v2/batch",
        "/v2/calls",
        "/api/track",
        "/page/view",
        "/v1/cart/add",
        "/oauth/token",
        "/metrics/orders/stats",
        "//v2/batch/",
    ];
    for path in paths {
        let request = ureq::http::Request::options(server.client.url(path))
            .header("origin", "https://shop.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", asked_for);
        let response = ureq::run(request.body(()).unwrap()).unwrap();
        assert_eq!(response.status(), 204, "{path}");
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(header("access-control-allow-headers"), Some(asked_for), "{path}");
        assert_eq!(header("access-control-allow-credentials"), None, "{path}");
        assert!(
            header("access-control-allow-methods").is_some_and(|methods| methods.contains("GET") && methods.contains("POST")),
            "{path}"
        );
    }
    for path in ["/export/events", "/import/orders", "/v2/order", "/customers/a@x.com", "/live"] {
        let request = ureq::http::Request::options(server.client.url(path)).header("access-control-request-method", "POST");
        let error = ureq::run(request.body(()).unwrap()).unwrap_err();
        assert!(matches!(error, ureq::Error::StatusCode(405)), "{path}: {error}");
    }
}
