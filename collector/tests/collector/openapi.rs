//! `/openapi.json`: it describes every route and no other, and real responses have the forms that it describes.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use ureq::http::Response;
use ureq::{Body, SendBody};

use crate::backend::digest;
use crate::server::{Client, ServerProcess, TestServer, basic, id, identify, view};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The project of an ephemeral server.
const OWNER: (&str, &str) = ("test", "test-secret");

/// The document of a server.
struct Document(Value);

impl Document {
    fn of(client: &Client) -> Self {
        let mut response = client.get("/openapi.json", &[]);
        assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, "application/json"));
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        Self(serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap())
    }

    /// Returns every operation: its path, its method and its description.
    fn operations(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let paths = self.0["paths"].as_object().unwrap();
        paths.iter().flat_map(|(path, methods)| {
            methods.as_object().unwrap().iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
    }

    fn operation(&self, method: &str, path: &str) -> &Value {
        let operation = &self.0["paths"][path][method];
        assert!(operation.is_object(), "{method} {path} is not described");
        operation
    }

    /// Follows a reference, if the value is one.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference} leads nowhere")),
            None => value,
        }
    }

    /// Panics if the value does not have the form of the schema.
    fn check(&self, schema: &Value, value: &Value, what: &str) {
        // References are relative to the document.
        let mut root = schema.clone();
        root["components"] = self.0["components"].clone();
        let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&root).unwrap();
        validator.validate(value).unwrap_or_else(|error| panic!("{what}: {error} at {}: {value}", error.instance_path()));
    }

    /// Checks status, media type and body of a response against an operation. Returns the body.
    fn check_response(&self, method: &str, path: &str, mut response: Response<Body>) -> String {
        let (operation, status) = (self.operation(method, path), response.status().as_u16());
        let what = format!("{method} {path}, status {status}");
        let described = &operation["responses"][status.to_string()];
        assert!(described.is_object(), "{what} is not described");
        let media_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned());
        let body = response.body_mut().read_to_string().unwrap();
        let Some(content) = described["content"].as_object() else {
            assert!(body.is_empty(), "{what}: {body}");
            return body;
        };
        let media_type = media_type.unwrap_or_else(|| panic!("{what} has no content type"));
        let form = content.get(&media_type).or(content.get("*/*")).unwrap_or_else(|| panic!("{what}: {media_type} is not described"));
        if form["x-line-schema"].is_object() {
            body.lines().for_each(|line| self.check(&form["x-line-schema"], &serde_json::from_str(line).unwrap(), &what));
        } else if media_type.ends_with("json") {
            self.check(&form["schema"], &serde_json::from_str(&body).unwrap_or_else(|error| panic!("{what}: {error}: {body}")), &what);
        }
        body
    }
}

/// Sends a request with the owner's credentials. Returns every response, whatever its status.
fn request(client: &Client, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Body> {
    let owner = basic(OWNER.0, OWNER.1);
    let mut request = ureq::http::Request::builder().method(method.to_uppercase().as_str()).uri(client.url(path));
    if !headers.iter().any(|(name, _)| *name == "authorization") {
        request = request.header("authorization", &owner);
    }
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).allow_non_standard_methods(true);
    let agent: ureq::Agent = config.build().into();
    match method {
        "get" => agent.run(request.body(SendBody::none()).unwrap()).unwrap(),
        _ => agent.run(request.body(body.to_owned()).unwrap()).unwrap(),
    }
}

/// Stores something in every list of an ephemeral server.
fn fill(client: &Client) {
    let mut search = view(4, 4, "cd");
    search["type"] = json!("nonsense");
    let lines = json!([{"product_id": "p1", "quantity": 2, "price": 5.25}]);
    let mut basket = view(3, 3, "ef");
    (basket["type"], basket["params"]) = (json!("basket_update"), json!({"total": 10.5, "currency": "EUR", "lines": lines}));
    let mut order = view(5, 5, "cd");
    (order["type"], order["params"]) = (json!("order"), json!({"order_id": "page", "total": 10.5, "currency": "EUR", "lines": lines}));
    let events = [view(1, 1, "ab"), identify(2, 2, "ab", "jo@example.com"), basket, search, order];
    let body = json!({"token": OWNER.0, "events": events}).to_string();
    assert_eq!(client.post("/v2/batch", &body).status(), 200);
    for (path, params) in [
        ("/v2/category", json!({"id": "c1", "name": "Shirts", "url": "https://x/c1"})),
        (
            "/v2/product",
            json!({"id": "p1", "name": "Shirt", "price": "10.42", "categories": ["c1"], "options": [{"id": "o1", "name": "S"}]}),
        ),
        (
            "/v2/customer",
            json!({"email": "jo@example.com", "createdAt": 1_500_000_000, "firstName": "Jo", "subscribed": false, "tags": ["VIP"]}),
        ),
        (
            "/v2/order",
            json!({"id": "1", "createdAt": 1_500_000_000, "email": "jo@example.com", "amount": 10.42, "status": "Paid",
                   "products": [{"productId": "p1", "quantity": 2}], "coupons": ["SALE"]}),
        ),
    ] {
        let body = json!({"token": OWNER.0, "time": 1_600_000_000_000_u64, "params": params}).to_string();
        assert_eq!(client.post_with(path, &[("x-digest", &digest(&body, OWNER.1))], &body).status(), 200, "{path}");
    }
    let order_return =
        json!({"scope": "order", "action": "return", "data": {"order_id": "1", "order_lines": [{"product_id": "p1", "quantity": 1}]}});
    assert_eq!(request(client, "post", "/api/track", &[], &order_return.to_string()).status(), 200);
}

#[test]
fn the_document_is_consistent() {
    let program = ServerProcess::start_ephemeral(&[]);
    let document = Document::of(&program.client);
    assert_eq!((&document.0["openapi"], &document.0["info"]["version"]), (&json!("3.1.1"), &json!(env!("CARGO_PKG_VERSION"))));
    let mut ids = BTreeSet::new();
    for (path, method, operation) in document.operations() {
        let what = format!("{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{what} has no summary");
        assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{what} has no tag");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{what}: the id is not unique");
        let parameters: Vec<&Value> = operation["parameters"].as_array().unwrap().iter().map(|item| document.resolved(item)).collect();
        let in_path: BTreeSet<&str> =
            parameters.iter().filter(|item| item["in"] == "path").map(|item| item["name"].as_str().unwrap()).collect();
        let named: BTreeSet<&str> = path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert_eq!(in_path, named, "{what}");
        assert!(parameters.iter().all(|item| item["schema"].is_object()), "{what}: {parameters:?}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {status}");
        }
        for scheme in operation["security"].as_array().into_iter().flatten().flat_map(|item| item.as_object().unwrap().keys()) {
            assert!(document.0["components"]["securitySchemes"][scheme].is_object(), "{what}: {scheme}");
        }
    }
    for (name, schema) in document.0["components"]["schemas"].as_object().unwrap() {
        jsonschema::draft202012::meta::validate(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let mut open = vec![&document.0];
    while let Some(value) = open.pop() {
        document.resolved(value);
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            _ => {}
        }
    }
}

#[test]
fn every_description_belongs_to_a_route() {
    let program = ServerProcess::start_ephemeral(&[]);
    let document = Document::of(&program.client);
    let written: Value = serde_json::from_str(include_str!("../../src/http/openapi/operations.json")).unwrap();
    for described in written["operations"].as_object().unwrap().keys() {
        let (method, path) = described.split_once(' ').unwrap();
        document.operation(&method.to_lowercase(), path);
    }
    let lasting = TestServer::start();
    let lasting = Document::of(&lasting.client);
    let of_tests = |document: &Document| document.operations().filter(|(path, ..)| path.starts_with("/test/")).count();
    assert_eq!((of_tests(&document), of_tests(&lasting)), (3, 0));
    assert_eq!(document.operations().count(), lasting.operations().count() + 3);
}

/// Returns an address of the path: each parameter is replaced by its example.
fn example(operation: &Value, path: &str) -> String {
    let parameters = operation["parameters"].as_array().unwrap().iter().filter(|item| item["in"] == "path");
    parameters.fold(path.to_owned(), |path, item| {
        let example = item["example"].as_str().unwrap_or_else(|| panic!("{path}: {item} has no example"));
        path.replace(&format!("{{{}}}", item["name"].as_str().unwrap()), example)
    })
}

#[test]
fn described_operations_are_served_and_others_are_not() {
    let program = ServerProcess::start_ephemeral(&["--project", "sh0p-t0k3n:test-secret", "--project", "test:test-secret"]);
    let client = &program.client;
    fill(client);
    let document = Document::of(client);
    let has_library = client.get("/tracking.js", &[]).status() == 200;
    for (path, _, operation) in document.operations() {
        let described = document.0["paths"][path].as_object().unwrap();
        let address = example(operation, path);
        for method in METHODS {
            let mut response = request(client, method, &address, &[], "{}");
            let (status, is_described) = (response.status().as_u16(), described.contains_key(method));
            assert_eq!(status == 405, !is_described, "{method} {address}: {status}");
            if !is_described {
                continue;
            }
            let is_missing_library = !has_library && (address.ends_with(".js") || address.ends_with(".html"));
            if address == "/live/events" || is_missing_library {
                continue;
            }
            let error = if status == 404 { response.body_mut().read_to_string().unwrap() } else { String::new() };
            assert!(status != 404 || error.contains("unknown_customer"), "{method} {address}: {error}");
            if status != 404 {
                document.check_response(method, path, response);
            }
        }
    }
}

#[test]
fn responses_have_the_described_form() {
    let program = ServerProcess::start_ephemeral(&[]);
    let client = &program.client;
    fill(client);
    let document = Document::of(client);
    let check = |method: &str, path: &str, address: &str, headers: &[(&str, &str)], body: &str, expected: u16| {
        let response = request(client, method, address, headers, body);
        assert_eq!(response.status().as_u16(), expected, "{method} {address}");
        document.check_response(method, path, response)
    };
    let batch = json!({"token": OWNER.0, "events": [view(1, 1, "ab"), view(9, 9, "ab"), {"id": id(7)}]}).to_string();
    document.check(
        &json!({"$ref": "#/components/schemas/BatchRequest"}),
        &json!({"token": "t", "events": [view(1, 1, "ab")]}),
        "the batch",
    );
    check("post", "/v2/batch", "/v2/batch", &[], &batch, 200);
    check("post", "/v2/batch", "/v2/batch", &[], "{", 400);
    check("post", "/v2/batch", "/v2/batch", &[], r#"{"token":"other"}"#, 401);
    check("post", "/v2/batch", "/v2/batch", &[("content-encoding", "compress")], "{", 415);
    let many = json!({"token": OWNER.0, "events": vec![json!({}); 501]}).to_string();
    check("post", "/v2/batch", "/v2/batch", &[], &many, 413);
    let call = json!({"token": OWNER.0, "time": 1_600_000_000_000_u64, "visitorId": "ab", "params": {"productId": "2"}}).to_string();
    check("post", "/v1/product/view", "/v1/product/view", &[], &call, 200);
    check("post", "/order", "/order", &[], &call, 401);
    check("post", "/order", "/order", &[("x-digest", "00")], &call, 403);
    check("post", "/api/track", "/api/track", &[], r#"{"scope":"nowhere","request_id":7}"#, 400);
    check("post", "/v2/cookie", "/v2/cookie", &[], "", 204);
    for list in ["events", "customers", "categories", "products", "orders", "carts", "returns"] {
        let path = format!("/export/{list}");
        let lines = check("get", &path, &path, &[], "", 200);
        assert!(!lines.is_empty(), "{list}");
        check("get", &path, &path, &[("authorization", "Basic x")], "", 401);
        check("get", &path, &format!("{path}?after=nonsense"), &[], "", 400);
        check("post", "/import/{resource}", &format!("/import/{list}"), &[], &format!("{lines}{{}}\n"), 200);
    }
    check("post", "/import/{resource}", "/import/nothing", &[], "", 404);
    for part in ["timeline", "data", "tags"] {
        let path = format!("/customers/{{email}}/{part}");
        check("get", &path, &format!("/customers/jo@example.com/{part}"), &[], "", 200);
        check("get", &path, &format!("/customers/no@example.com/{part}"), &[], "", 404);
    }
    check("post", "/customers/{email}/tags", "/customers/jo@example.com/tags", &[], r#"{"tags":["a"]}"#, 200);
    check("delete", "/customers/{email}/tags", "/customers/jo@example.com/tags", &[], r#"{"tags":["a"]}"#, 200);
    check("post", "/customers/{email}/tags", "/customers/jo@example.com/tags", &[], "{", 400);
    for list in ["events", "rejected"] {
        let path = format!("/test/{list}");
        assert_ne!(check("get", &path, &path, &[], "", 200), "[]");
    }
    for path in ["/live", "/reports", "/customers", "/healthz", "/readyz", "/metrics", "/diagnostics"] {
        check("get", path, path, &[], "", 200);
    }
    check("post", "/reports/token", "/reports/token", &[], "", 200);
    check("delete", "/customers/{email}", "/customers/jo@example.com", &[], "", 200);
}

#[test]
fn responses_of_the_metrics_api_have_the_described_form() {
    let program = ServerProcess::start_ephemeral(&[]);
    let client = &program.client;
    fill(client);
    let document = Document::of(client);
    let token = |headers: &[(&str, &str)], body: &str, expected: u16| -> Value {
        let response = request(client, "post", "/oauth/token", headers, body);
        assert_eq!(response.status().as_u16(), expected, "{body}");
        serde_json::from_str(&document.check_response("post", "/oauth/token", response)).unwrap()
    };
    let form = ("content-type", "application/x-www-form-urlencoded");
    token(&[form, ("authorization", "Basic x")], "grant_type=client_credentials&client_id=test&client_secret=wrong", 401);
    token(&[form], "grant_type=password", 400);
    let access = &token(&[form], "grant_type=client_credentials&client_id=test&client_secret=test-secret", 200)["access_token"];
    let bearer = format!("Bearer {}", access.as_str().unwrap());
    let headers = [("authorization", &*bearer), ("accept", "application/vnd.api.v1+json"), ("content-type", "application/vnd.api+json")];
    let filter = json!({"order": {"date_from": "2017-01-01T00:00:00Z", "date_to": "2018-12-31T00:00:00Z", "date_field": "placed_at"}});
    let stats = json!({"stats": {"field": "order.total_amount_with_taxes", "operator": "sum"}, "filter": filter}).to_string();
    let search = json!({"search": {"limit": 2, "fields": ["order.id"]}, "filter": filter}).to_string();
    let path = "/metrics/{resource}/{query}";
    for (address, headers, body, expected) in [
        ("/metrics/orders/stats?fresh=1", &headers[..], stats.as_str(), 200),
        ("/metrics/orders/search?fresh=1", &headers, &search, 200),
        ("/metrics/orders/stats", &headers, "{}", 400),
        ("/metrics/orders/search", &headers, r#"{"search":{}}"#, 422),
        ("/metrics/orders/nothing", &headers, "{}", 404),
        ("/metrics/orders/stats", &headers[..1], "{}", 406),
        ("/metrics/orders/stats", &[("authorization", "Bearer x"), headers[1], headers[2]], "{}", 401),
    ] {
        let response = request(client, "post", address, headers, body);
        if expected == 200 && cfg!(not(feature = "duckdb")) {
            continue;
        }
        assert_eq!(response.status().as_u16(), expected, "{address}: {body}");
        document.check_response("post", path, response);
    }
}
