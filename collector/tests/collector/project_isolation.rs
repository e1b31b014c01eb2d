//! Every owner route: closed without the project's secret, and without access to other projects.

use std::io::{BufRead, BufReader};

use serde_json::{Value, json};
use tillroll_collector::store::Options;

use crate::backend::digest;
use crate::server::{EPOCH, TestServer, basic, identify, read_json, view};

const EXPORT_PATHS: &[&str] = &[
    "/export/events",
    "/export/customers",
    "/export/categories",
    "/export/products",
    "/export/orders",
    "/export/carts",
    "/export/returns",
];

/// Starts a server with the projects `t` and `u`, and fills every list of `t`; each record contains `mark`.
fn server_with_records() -> TestServer {
    let server = TestServer::with(&["--project", "t:secret", "--project", "u:secret2"], Options::default());
    let mut add = view(3, 5_000, "mark");
    add["type"] = json!("basket_add");
    add["params"] = json!({"product_id": "mark", "quantity": 1});
    let mut order_return = view(4, 4, "mark");
    order_return["type"] = json!("order_return");
    // Of another order than the back end's, which no page can return.
    order_return["params"] = json!({"order_id": "mark-of-a-page"});
    server.client.store(&[view(1, 1, "mark"), identify(2, 2, "mark", "mark@x.com"), add, order_return]);
    for (path, params) in [
        ("/v2/customer", json!({"email": "mark@x.com", "createdAt": EPOCH})),
        ("/v2/category", json!({"id": "mark", "name": "mark"})),
        ("/v2/product", json!({"id": "mark", "name": "mark", "price": 1})),
        ("/v2/order", json!({"id": "mark", "email": "mark@x.com", "amount": 1, "status": "completed", "createdAt": EPOCH, "products": []})),
    ] {
        let body = json!({"token": "t", "time": EPOCH + 5, "params": params}).to_string();
        let mut response = server.client.post_with(path, &[("x-digest", &digest(&body, "secret"))], &body);
        assert_eq!(response.status(), 200, "{path}: {}", read_json(&mut response));
    }
    server
}

#[test]
fn export_contains_records_of_its_own_project_only() {
    let server = server_with_records();
    for path in EXPORT_PATHS {
        let export = |token: &str, secret: &str| {
            let mut response = server.client.get(path, &[("authorization", &basic(token, secret))]);
            (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
        };
        let (status, text) = export("t", "secret");
        assert!(status == 200 && text.contains("mark"), "{path}: {status} {text}");
        assert_eq!(export("u", "secret2"), (200, String::new()), "{path}");
        for (token, secret) in [("t", "secret2"), ("u", "secret"), ("t", ""), ("x", "secret")] {
            assert_eq!(export(token, secret).0, 401, "{path} {token}:{secret}");
        }
    }
}

#[test]
fn owner_route_without_a_valid_secret_is_rejected() {
    let server = server_with_records();
    for path in EXPORT_PATHS.iter().chain(&["/live", "/live/events", "/reports"]) {
        for headers in [&[][..], &[("authorization", "Basic dDpuby1zZWNyZXQ=")], &[("x-forwarded-for", "127.0.0.1")]] {
            assert_eq!(server.client.get(path, headers).status(), 401, "{path} {headers:?}");
        }
    }
    for path in ["/import/orders", "/import/returns", "/import/carts", "/reports/token"] {
        assert_eq!(server.client.post(path, "").status(), 401, "{path}");
        assert_eq!(server.client.post_with(path, &[("authorization", &basic("t", "secret2"))], "").status(), 401, "{path}");
    }
    for path in ["/v2/customer", "/v2/category", "/v2/product", "/v2/order"] {
        let body = json!({"token": "t", "time": 1, "params": {"id": "1", "email": "a@x.com"}}).to_string();
        assert_eq!(server.client.post_with(path, &[("x-digest", &digest(&body, "secret2"))], &body).status(), 403, "{path}");
    }
}

/// Returns all data of the project `t` that its owner can read.
fn data_of_t(server: &TestServer) -> Vec<String> {
    let lists = ["events", "customers", "categories", "products", "orders", "carts", "returns"];
    let read = |list: &&str| Value::from(server.client.list_of("t", "secret", list)).to_string();
    let mut all: Vec<String> = lists.iter().map(read).collect();
    if cfg!(feature = "duckdb") {
        all.extend(QUERIES.iter().map(|(path, body)| query(server, "t", "secret", path, body).1["data"].to_string()));
    }
    all
}

/// A query of each kind for each resource. The result of the project `t` contains `mark`, or a value that is not zero.
const QUERIES: &[(&str, &str)] = &[
    ("orders/search", r#"{"search": {"fields": ["order.*", "customer.*", "line_items.*"]}, "filter": DATES}"#),
    ("orders/breakdown", r#"{"breakdown": {"by": "customer.email", "field": "order.id", "operator": "value_count"}, "filter": DATES}"#),
    (
        "orders/date_breakdown",
        r#"{"date_breakdown": {"by": "order.updated_at", "field": "order.id", "operator": "value_count",
            "breakdown": {"by": "customer.email", "field": "order.id", "operator": "value_count"}}, "filter": DATES}"#,
    ),
    ("orders/stats", r#"{"stats": {"field": "order.id", "operator": "value_count"}, "filter": DATES}"#),
    ("carts/search", r#"{"search": {"fields": ["order.*", "line_items.*"]}, "filter": DATES}"#),
    ("carts/breakdown", r#"{"breakdown": {"by": "line_items.item_id", "field": "order.id", "operator": "value_count"}, "filter": DATES}"#),
    ("carts/stats", r#"{"stats": {"field": "order.id", "operator": "value_count"}, "filter": DATES}"#),
    ("returns/search", r#"{"search": {"fields": ["return.*", "customer.*"]}, "filter": RETURNED}"#),
    (
        "returns/breakdown",
        r#"{"breakdown": {"by": "customer.email", "field": "return.id", "operator": "value_count"}, "filter": RETURNED}"#,
    ),
    ("returns/stats", r#"{"stats": {"field": "return.id", "operator": "value_count"}, "filter": RETURNED}"#),
    ("analysis/fbt", r#"{"filter": {"line_items": {"item_ids": {"in": ["mark"]}}}}"#),
];

fn request_token(server: &TestServer, token: &str, secret: &str) -> (u16, Value) {
    let grant = json!({"grant_type": "client_credentials", "client_id": token, "client_secret": secret}).to_string();
    let mut response = server.client.post_with("/oauth/token", &[("content-type", "application/json")], &grant);
    (response.status().as_u16(), read_json(&mut response))
}

fn query(server: &TestServer, project: &str, secret: &str, path: &str, body: &str) -> (u16, Value) {
    let bearer = format!("Bearer {}", request_token(server, project, secret).1["access_token"].as_str().unwrap());
    query_with(server, &bearer, path, body)
}

fn query_with(server: &TestServer, bearer: &str, path: &str, body: &str) -> (u16, Value) {
    // The day of all events and records.
    let dates = r#""date_from": "2020-09-13T00:00:00Z", "date_to": "2020-09-21T00:00:00Z""#;
    let body = body.replace("DATES", &format!(r#"{{"order": {{{dates}, "date_field": "updated_at"}}}}"#));
    let body = body.replace("RETURNED", &format!(r#"{{"return": {{{dates}}}}}"#));
    let headers = [("accept", "application/vnd.api.v1+json"), ("content-type", "application/vnd.api+json"), ("authorization", bearer)];
    let mut response = server.client.post_with(&format!("/metrics/{path}?fresh=1"), &headers, &body);
    (response.status().as_u16(), read_json(&mut response))
}

#[cfg(feature = "duckdb")]
#[test]
fn access_token_queries_its_own_project_only() {
    let server = server_with_records();
    for (path, body) in QUERIES {
        let (status, result) = query(&server, "t", "secret", path, body);
        assert_eq!(status, 200, "{path} {result}");
        assert!(result["data"].to_string().contains("mark") || result["data"]["value"] == 1 || *path == "analysis/fbt", "{path} {result}");
        let (status, theirs) = query(&server, "u", "secret2", path, body);
        assert_eq!((status, &theirs["meta"]["organization_id"]), (200, &json!("u")), "{path} {theirs}");
        assert!(!theirs["data"].to_string().contains("mark") && theirs["data"]["value"].as_u64().unwrap_or(0) == 0, "{path} {theirs}");
    }
    // A secret or a cursor of the other project is rejected.
    for (project, secret) in [("t", "secret2"), ("u", "secret"), ("t", ""), ("", "secret"), ("x", "secret")] {
        assert_eq!(request_token(&server, project, secret).0, 401, "{project}:{secret}");
    }
    server.client.store(&[json!({"id": "01890a5d-0000-7000-8000-000000000009", "type": "order", "api": "ometria", "time": EPOCH + 5, "visitorId": "ab", "params": {"order_id": "2"}})]);
    let page = r#"{"search": {"fields": ["order.id"], "limit": 1CURSOR}, "filter": DATES}"#;
    let (_, first) = query(&server, "t", "secret", "orders/search", &page.replace("CURSOR", ""));
    let cursor = first["meta"]["pagination"]["cursor"].as_str().unwrap();
    let (status, body) = query(&server, "u", "secret2", "orders/search", &page.replace("CURSOR", &format!(r#", "cursor": "{cursor}""#)));
    assert_eq!(status, 422, "{body}");
    // The access token of the reports page of `u` reads nothing of `t`.
    let mut response = server.client.post_with("/reports/token", &[("authorization", &basic("u", "secret2"))], "");
    let bearer = format!("Bearer {}", read_json(&mut response)["access_token"].as_str().unwrap());
    let (_, theirs) = query_with(&server, &bearer, "orders/stats", QUERIES[3].1);
    assert_eq!((&theirs["data"]["value"], &theirs["meta"]["organization_id"]), (&json!(0), &json!("u")));
}

/// A request of the owner of `u` that tries to change data of `t`.
struct Attempt {
    method: &'static str,
    path: &'static str,
    /// `$token` is replaced with the token of the request, here and in `path`.
    body: &'static str,
    /// The status when the request has the token and the secret of `u`.
    own_status: u16,
    /// The status when the request has the token of `t` and the secret of `u`.
    foreign_status: u16,
}

const fn post(path: &'static str, body: &'static str, own_status: u16, foreign_status: u16) -> Attempt {
    Attempt { method: "POST", path, body, own_status, foreign_status }
}

const ORDER: &str =
    r#"{"token":"$token","time":9,"params":{"id":"mark","createdAt":9,"amount":9,"status":"stolen","products":[],"email":"thief@x.com"}}"#;
const PRODUCT: &str = r#"{"token":"$token","time":9,"params":{"id":"mark","name":"stolen","price":9,"sku":"stolen"}}"#;
const CUSTOMER: &str =
    r#"{"token":"$token","time":9,"params":{"email":"mark@x.com","createdAt":9,"firstName":"stolen","tags":["stolen"]}}"#;
const CATEGORY: &str = r#"{"token":"$token","time":9,"params":{"id":"mark","name":"stolen"}}"#;

/// Every owner request that changes data. The test below adds the requests of pages, which need no secret.
const ATTEMPTS: &[Attempt] = &[
    post("/v2/order", ORDER, 200, 403),
    post("/order", ORDER, 200, 403),
    post(
        "/v2/order/batch",
        r#"{"token":"$token","time":9,"batch":[{"id":"mark","createdAt":9,"amount":9,"status":"stolen","products":[]}]}"#,
        200,
        403,
    ),
    post("/v2/product", PRODUCT, 200, 403),
    post("/v2/product/batch", r#"{"token":"$token","time":9,"batch":[{"id":"mark","name":"stolen","price":9}]}"#, 200, 403),
    post("/v2/category", CATEGORY, 200, 403),
    post("/v2/category/batch", r#"{"token":"$token","time":9,"batch":[{"id":"mark","name":"stolen"}]}"#, 200, 403),
    post("/v2/customer", CUSTOMER, 200, 403),
    post(
        "/v2/customer/batch",
        r#"{"token":"$token","time":9,"batch":[{"email":"mark@x.com","createdAt":9,"firstName":"stolen"}]}"#,
        200,
        403,
    ),
    post("/v2/customer/tag", r#"{"token":"$token","time":9,"params":{"email":"mark@x.com","tags":["stolen"]}}"#, 200, 403),
    post("/v2/customer/untag", r#"{"token":"$token","time":9,"params":{"email":"mark@x.com","tags":["mark"]}}"#, 200, 403),
    post("/tracking/$token/activity", r#"{"type":"integrated"}"#, 200, 403),
    post("/api/track", r#"{"scope":"order","action":"cancel","data":{"order_id":"mark"}}"#, 200, 401),
    post("/api/track", r#"{"scope":"order","action":"return","data":{"order_id":"mark"}}"#, 200, 401),
    post("/api/track", r#"{"scope":"order","action":"add","data":{"order_id":"mark","order_total":9}}"#, 200, 401),
    post("/import/orders", r#"{"id":"mark","status":"stolen","total_amount_with_taxes":9}"#, 200, 401),
    post("/import/carts", r#"{"id":"mark-cart","total_amount_with_taxes":9}"#, 200, 401),
    post("/import/returns", r#"{"id":"mark-return","order_id":"mark"}"#, 200, 401),
    post("/import/customers", r#"{"email":"mark@x.com","firstName":"stolen"}"#, 200, 401),
    post("/import/categories", r#"{"id":"mark","name":"stolen"}"#, 200, 401),
    post("/import/products", r#"{"id":"mark","name":"stolen"}"#, 200, 401),
    post(
        "/import/events",
        r#"{"id":"01890a5d-0000-7000-8000-000000000001","type":"identify","api":"metrilo","time":9,"visitor_id":"mark","params":{"email":"thief@x.com"}}"#,
        200,
        401,
    ),
    post("/reports/token", "", 200, 401),
    Attempt { method: "DELETE", path: "/customers/mark@x.com", body: "", own_status: 200, foreign_status: 401 },
];

fn send_attempt(server: &TestServer, attempt: &Attempt, token: &str, secret: &str) -> (u16, String) {
    let (path, body) = (attempt.path.replace("$token", token), attempt.body.replace("$token", token));
    let request = ureq::http::Request::builder().method(attempt.method).uri(server.client.url(&path));
    let request = request.header("authorization", basic(token, secret)).header("x-digest", digest(&body, secret));
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build().into();
    let mut response = agent.run(request.body(body).unwrap()).unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

#[test]
fn owner_and_pages_of_another_project_cannot_change_a_project() {
    let server = server_with_records();
    let before = data_of_t(&server);
    assert!(before.iter().filter(|list| list.contains("mark")).count() >= 7, "{before:?}");
    for attempt in ATTEMPTS {
        let (status, body) = send_attempt(&server, attempt, "t", "secret2");
        assert_eq!(status, attempt.foreign_status, "{} with the token of t: {body}", attempt.path);
        assert!(!body.contains("mark"), "{}: {body}", attempt.path);
        let (status, body) = send_attempt(&server, attempt, "u", "secret2");
        assert_eq!(status, attempt.own_status, "{} with the token of u: {body}", attempt.path);
    }
    // An erasure in `u` finds no customer, because only `t` has one with this e-mail.
    let erasure = ATTEMPTS.last().unwrap();
    assert!(send_attempt(&server, erasure, "u", "secret2").1.contains(r#""customers":0"#));
    // Pages of `u` may send events with the ids, visitors and e-mails of `t`.
    let lines = json!([{"product_id": "stolen", "quantity": 9}]);
    for (number, kind, params) in [
        (1, "product_view", json!({"product_id": "stolen"})),
        (2, "identify", json!({"email": "thief@x.com"})),
        (3, "basket_update", json!({"basket_id": "mark", "lines": lines, "changes": []})),
        (4, "order_return", json!({"order_id": "mark"})),
        (5, "order", json!({"order_id": "mark", "total": 9})),
        (6, "order_cancel", json!({"order_id": "mark"})),
        (7, "customer_details", json!({"first_name": "stolen"})),
    ] {
        let mut event = view(number, 9, "mark");
        (event["type"], event["params"]) = (json!(kind), params);
        let response = server.client.post("/v2/batch", &json!({"token": "u", "events": [event]}).to_string());
        assert_eq!(response.status(), 200, "{kind}");
    }
    let call = json!({"token": "u", "time": 9, "visitorId": "mark", "params": {"email": "thief@x.com"}}).to_string();
    assert_eq!(server.client.post("/visitor/identify", &call).status(), 200);
    let track = json!({"scope": "basket", "action": "add", "data": {"product_id": "stolen"}, "user": {"uid": "mark"}}).to_string();
    assert_eq!(server.client.post("/api/track?token=u", &track).status(), 200);
    assert_eq!(data_of_t(&server), before);
}

#[test]
fn cursor_of_another_project_exports_nothing_of_it() {
    let server = server_with_records();
    for path in EXPORT_PATHS {
        let list = path.trim_start_matches("/export/");
        let theirs = server.client.list_of("t", "secret", list);
        let cursor = theirs[0]["cursor"].as_str().unwrap();
        assert_eq!(server.client.list_of("u", "secret2", &format!("{list}?after={cursor}")), Vec::<Value>::new(), "{path}");
    }
}

#[test]
fn live_view_shows_its_own_project_only() {
    let server = server_with_records();
    let own_event = json!({"token": "u", "events": [view(1, 1, "own")]}).to_string();
    let mut response = server.client.get("/live/events?last=1000", &[("authorization", &basic("u", "secret2"))]);
    assert_eq!(server.client.post("/v2/batch", &own_event).status(), 200);
    let other_events = json!({"token": "t", "events": [{"type": "mark"}, view(8, 8, "mark")]}).to_string();
    server.client.post("/v2/batch", &other_events);
    server.client.post("/v2/batch", &json!({"token": "u", "events": [view(2, 2, "last")]}).to_string());
    let mut received = String::new();
    for line in BufReader::new(response.body_mut().as_reader()).lines() {
        received.push_str(&line.unwrap());
        if received.contains("\"last\"") {
            break;
        }
    }
    assert!(received.contains("\"own\"") && !received.contains("mark"), "{received}");
}
