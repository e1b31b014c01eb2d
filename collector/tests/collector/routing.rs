//! Paths and methods: known paths with another method, unknown paths, and paths that are not UTF-8.

use serde_json::json;

use crate::server::{TestServer, basic, read_json};

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
    let owner = [("authorization", &*basic("t", "s"))];
    let mut erased = server.client.delete("/customers/%ff@x.com", &owner);
    assert_eq!((erased.status().as_u16(), &read_json(&mut erased)["error"]["field"]), (400, &json!("email")));
    for (path, status, code) in [("/import/%ff", 404, "not_found"), ("/tracking/%ff/activity", 401, "unknown_token")] {
        let mut response = server.client.post_with(path, &owner, "{}");
        assert_eq!((response.status().as_u16(), &read_json(&mut response)["error"]["code"]), (status, &json!(code)), "{path}");
    }
}
