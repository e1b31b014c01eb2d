//! A client of the metrics API: imports records, gets a token, sends queries.

use serde_json::{Value, json};
use ureq::Agent;

use super::server::{Client, basic, read_json};

/// The status and body of a response.
pub(crate) type Reply = (u16, Value);

pub(crate) const ACCEPT: (&str, &str) = ("accept", "application/vnd.api.v1+json");
pub(crate) const CONTENT_TYPE: (&str, &str) = ("content-type", "application/vnd.api+json");

/// Sends a request with any method and any headers.
pub(crate) fn send(client: &Client, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let agent: Agent = Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(client.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = agent.run(request.body(body.to_owned()).unwrap()).unwrap();
    let status = response.status().as_u16();
    (status, if method == "HEAD" { Value::Null } else { read_json(&mut response) })
}

/// Gets an access token with this scope.
pub(crate) fn token(client: &Client, scope: &str) -> String {
    let body = json!({"grant_type": "client_credentials", "client_id": "t", "client_secret": "secret", "scope": scope}).to_string();
    let (status, response) = send(client, "POST", "/oauth/token", &[("content-type", "application/json")], &body);
    assert_eq!(status, 200, "{response}");
    response["access_token"].as_str().unwrap().to_owned()
}

/// Imports records as JSON lines.
pub(crate) fn import(client: &Client, resource: &str, records: &[Value]) -> Value {
    let lines: Vec<_> = records.iter().map(Value::to_string).collect();
    import_text(client, resource, &lines.join("\n"))
}

/// Imports a text of JSON lines.
pub(crate) fn import_text(client: &Client, resource: &str, text: &str) -> Value {
    let (status, response) = send(client, "POST", &format!("/import/{resource}"), &[("authorization", &basic("t", "secret"))], text);
    assert_eq!(status, 200, "{response}");
    response
}

/// Sends a query for fresh data.
pub(crate) fn query_with(client: &Client, token: &str, path: &str, body: &Value) -> Reply {
    let authorization = format!("Bearer {token}");
    let headers = [ACCEPT, CONTENT_TYPE, ("authorization", &authorization)];
    send(client, "POST", &format!("/metrics/{path}?fresh=1"), &headers, &body.to_string())
}

/// Sends a query that must succeed, and returns the response.
pub(crate) fn query(client: &Client, path: &str, body: &Value) -> Value {
    let (status, response) = query_with(client, &token(client, ""), path, body);
    assert_eq!(status, 200, "{path} {body}: {response}");
    response
}

/// Returns the date filter for 2021, the year of all test records.
pub(crate) fn year() -> Value {
    json!({"date_from": "2021-01-01T00:00:00Z", "date_to": "2021-12-31T23:59:00Z"})
}

/// Returns the dates of all tracked events, whatever clock their server has; they need [`super::FLAGS`].
pub(crate) fn decade() -> Value {
    json!({"date_from": "2021-01-01T00:00:00Z", "date_to": "2030-12-31T23:59:00Z"})
}

/// Returns an order of 2021.
pub(crate) fn order(id: &str, amount: f64) -> Value {
    json!({
        "id": id, "status": "placed", "total_amount_with_taxes": amount, "currency_code": "EUR",
        "current_date": "2021-06-01T10:00:00Z", "created_at": "2021-06-01T09:00:00Z", "placed_at": "2021-06-01T10:00:00Z",
    })
}

/// Returns the stats of all orders of 2021.
pub(crate) fn totals(client: &Client) -> Value {
    let body = json!({"stats": {"field": "order.total_amount_with_taxes", "operator": "stats"}, "filter": {"order": year()}});
    query(client, "orders/stats", &body)["data"]["value"].clone()
}
