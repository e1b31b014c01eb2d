//! Every address that is an owner's: closed without the secret, and blind to other projects.

use serde_json::{Value, json};
use tillroll_collector::store::Options;

use crate::backend::digest;
use crate::server::{Running, basic, identify, read_json, view};

const OPEN_TO_OWNERS: &[&str] = &[
    "/export/events",
    "/export/customers",
    "/export/categories",
    "/export/products",
    "/export/orders",
    "/export/carts",
    "/export/returns",
];

/// Fills every list of the project `t`; whatever is in them says `mark`.
fn filled() -> Running {
    let server = Running::with(&["--project", "t:s", "--project", "u:s2"], Options::default());
    let mut add = view(3, 5_000, "mark");
    add["type"] = json!("basket_add");
    add["params"] = json!({"product_id": "mark", "quantity": 1});
    let mut back = view(4, 4, "mark");
    back["type"] = json!("order_return");
    back["params"] = json!({"order_id": "mark"});
    server.client.store(&[view(1, 1, "mark"), identify(2, 2, "mark", "mark@x.com"), add, back]);
    for (path, params) in [
        ("/v2/customer", json!({"email": "mark@x.com", "createdAt": 1})),
        ("/v2/category", json!({"id": "mark", "name": "mark"})),
        ("/v2/product", json!({"id": "mark", "name": "mark", "price": 1})),
        ("/v2/order", json!({"id": "mark", "email": "mark@x.com", "amount": 1, "status": "completed", "createdAt": 1, "products": []})),
    ] {
        let body = json!({"token": "t", "time": 5, "params": params}).to_string();
        let mut answer = server.client.post_with(path, &[("x-digest", &digest(&body, "s"))], &body);
        assert_eq!(answer.status(), 200, "{path}: {}", read_json(&mut answer));
    }
    server
}

#[test]
fn each_project_is_blind_to_the_others() {
    let server = filled();
    for path in OPEN_TO_OWNERS {
        let read = |token: &str, secret: &str| {
            let mut answer = server.client.get(path, &[("authorization", &basic(token, secret))]);
            (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
        };
        let (status, text) = read("t", "s");
        assert!(status == 200 && text.contains("mark"), "{path}: {status} {text}");
        assert_eq!(read("u", "s2"), (200, String::new()), "{path}");
        for (token, secret) in [("t", "s2"), ("u", "s"), ("t", ""), ("x", "s")] {
            assert_eq!(read(token, secret).0, 401, "{path} {token}:{secret}");
        }
    }
}

#[test]
fn nothing_of_an_owner_opens_without_a_secret() {
    let server = filled();
    for path in OPEN_TO_OWNERS.iter().chain(&["/live", "/live/events", "/reports"]) {
        for headers in [&[][..], &[("authorization", "Basic dDpuby1zZWNyZXQ=")], &[("x-forwarded-for", "127.0.0.1")]] {
            assert_eq!(server.client.get(path, headers).status(), 401, "{path} {headers:?}");
        }
    }
    for path in ["/import/orders", "/import/returns", "/import/carts", "/reports/token"] {
        assert_eq!(server.client.post(path, "").status(), 401, "{path}");
        assert_eq!(server.client.post_with(path, &[("authorization", &basic("t", "s2"))], "").status(), 401, "{path}");
    }
    for path in ["/v2/customer", "/v2/category", "/v2/product", "/v2/order"] {
        let body = json!({"token": "t", "time": 1, "params": {"id": "1", "email": "a@x.com"}}).to_string();
        assert_eq!(server.client.post_with(path, &[("x-digest", &digest(&body, "s2"))], &body).status(), 403, "{path}");
    }
}

#[cfg(feature = "duckdb")]
#[test]
fn a_token_for_metrics_counts_one_projects_orders() {
    let server = filled();
    let count = |token: &str, secret: &str| -> Value {
        let grant = json!({"grant_type": "client_credentials", "client_id": token, "client_secret": secret}).to_string();
        let mut answer = server.client.post_with("/oauth/token", &[("content-type", "application/json")], &grant);
        let bearer = format!("Bearer {}", read_json(&mut answer)["access_token"].as_str().unwrap());
        let headers =
            [("accept", "application/vnd.api.v1+json"), ("content-type", "application/vnd.api+json"), ("authorization", bearer.as_str())];
        let body = json!({"search": {"sort_by": "desc", "limit": 10}, "filter": {}}).to_string();
        let mut answer = server.client.post_with("/metrics/carts/search?fresh=1", &headers, &body);
        let told = read_json(&mut answer);
        assert!(!token.contains('u') || !told.to_string().contains("mark"), "{told}");
        json!(answer.status().as_u16())
    };
    assert_eq!(count("t", "s"), count("u", "s2"));
}
