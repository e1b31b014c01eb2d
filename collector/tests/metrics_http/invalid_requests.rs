//! Invalid requests: the status, the code, and the attributes that the errors name.

use serde_json::{Value, json};

use super::api_client::{ACCEPT, CONTENT_TYPE, query_with, send, token};
use super::server::TestServer;

#[test]
fn checks_run_in_the_documented_order() {
    let server = TestServer::start();
    let authorization = format!("Bearer {}", token(&server.client, ""));
    let bearer = ("authorization", authorization.as_str());
    let (accept_all, accept_json) = (("accept", "*/*"), ("accept", "application/vnd.api.v1+json; q=1, text/plain"));
    let refused = ("accept", "application/vnd.api.v1+json; q=0.0, text/plain");
    let (plain, charset) = (("content-type", "application/json"), ("content-type", "application/vnd.api+json; charset=utf-8"));
    for (method, path, headers, body, status, code) in [
        ("GET", "/metrics/hats/stats", vec![], "", 404, "NOT_FOUND"),
        ("POST", "/metrics/orders", vec![], "", 404, "NOT_FOUND"),
        ("POST", "/metrics/orders/median", vec![], "", 404, "NOT_FOUND"),
        ("POST", "/metrics/orders/stats/more", vec![], "", 404, "NOT_FOUND"),
        ("POST", "/metrics/orders/fbt", vec![], "", 404, "NOT_FOUND"),
        ("GET", "/metrics/orders/stats", vec![], "", 405, "METHOD_NOT_ALLOWED"),
        ("PUT", "/metrics/analysis/fbt", vec![], "", 405, "METHOD_NOT_ALLOWED"),
        ("OPTIONS", "/metrics/orders/stats", vec![], "", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/metrics/orders/stats", vec![], "", 406, "NOT_ACCEPTABLE"),
        ("POST", "/metrics/orders/stats", vec![accept_all, CONTENT_TYPE, bearer], "", 406, "NOT_ACCEPTABLE"),
        ("POST", "/metrics/orders/stats", vec![refused, CONTENT_TYPE, bearer], "", 406, "NOT_ACCEPTABLE"),
        ("POST", "/metrics/orders/stats", vec![ACCEPT, plain, bearer], "", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("POST", "/metrics/orders/stats", vec![ACCEPT, CONTENT_TYPE], "x", 401, "UNAUTHORIZED"),
        ("POST", "/metrics/orders/stats", vec![accept_json, charset, bearer], "x", 400, "BAD_REQUEST"),
        ("POST", "/metrics/orders/stats", vec![ACCEPT, CONTENT_TYPE, bearer], "[]", 400, "BAD_REQUEST"),
        ("POST", "/metrics/orders/stats", vec![ACCEPT, CONTENT_TYPE, bearer], r#"{"stats": {}}"#, 422, "UNPROCESSABLE_ENTITY"),
    ] {
        let (found, response) = send(&server.client, method, path, &headers, body);
        let error = &response["error"];
        assert_eq!((found, &error["code"], &error["status"]), (status, &json!(code), &json!(status)), "{method} {path} {headers:?}");
        assert!(error["title"].is_string() && error["meta"]["trace_id"].as_str().is_some_and(|id| id.len() == 36), "{response}");
    }
}

/// Each case: the path, the body, the status, and the fields and attributes that the errors name.
#[test]
fn errors_name_each_invalid_attribute() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("invalid_requests.json")).unwrap();
    let server = TestServer::start();
    let token = token(&server.client, "");
    for case in &cases {
        let (status, response) = query_with(&server.client, &token, case["path"].as_str().unwrap(), &case["body"]);
        assert_eq!(json!(status), case["status"], "{case}: {response}");
        let errors = response["error"]["meta"]["errors"].as_array().unwrap();
        let found: Vec<_> = errors.iter().flat_map(attributes_with_errors).collect();
        assert_eq!(json!(found), case["attributes"], "{case}: {response}");
    }
}

/// Returns `field/attribute` for each attribute of a field.
fn attributes_with_errors(field: &Value) -> Vec<String> {
    let (name, attributes) = field.as_object().unwrap().iter().next().unwrap();
    let name_of = |attribute: &Value| {
        let (attribute, messages) = attribute.as_object().unwrap().iter().next().unwrap();
        assert!(messages[0].is_string());
        format!("{name}/{attribute}")
    };
    attributes.as_array().unwrap().iter().map(name_of).collect()
}

#[test]
fn dashboard_of_another_origin_passes_the_preflight_and_prometheus_still_works() {
    let server = TestServer::start();
    let agent = ureq::Agent::new_with_defaults();
    for path in ["/metrics/orders/breakdown", "/oauth/token"] {
        let request = ureq::http::Request::builder().method("OPTIONS").uri(server.client.url(path));
        let response = agent.run(request.header("access-control-request-method", "POST").body(()).unwrap()).unwrap();
        assert_eq!(response.status(), 204);
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        let allowed = response.headers()["access-control-allow-headers"].to_str().unwrap().to_lowercase();
        assert!(allowed.contains("authorization") && allowed.contains("content-type"), "{allowed}");
    }
    assert_eq!(server.client.get("/metrics", &[]).status(), 200);
}
