//! The tables of vendor requests: what shop servers, vendors' libraries and headless shops send, the expected responses, and the state
//! afterwards.
//!
//! Each case has its own project; its token replaces `$token`. The test adds a time and the token to a `body` that has none; it sends a
//! `text` unchanged. It signs requests unless a case gives another `digest`, or null for none. `state` lists the records of the exports, in
//! their order; a member that a case does not name may have any value.

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::Sha256;
use tillroll_collector::store::Options;
use tillroll_collector::vendors::{calls::CALLS, records::ENDPOINTS};

use crate::batch::covers;
use crate::server::{Client, TestServer, basic, read_json};

const TABLES: &[(&str, &str)] = &[
    ("digest", include_str!("../../../tests/compat/metrilo-backend/digest.json")),
    ("customers", include_str!("../../../tests/compat/metrilo-backend/customers.json")),
    ("catalogue", include_str!("../../../tests/compat/metrilo-backend/catalogue.json")),
    ("lenient-formats", include_str!("../../../tests/compat/metrilo-backend/lenient-formats.json")),
    ("orders", include_str!("../../../tests/compat/metrilo-backend/orders.json")),
    ("carts", include_str!("../../../tests/compat/metrilo-backend/carts.json")),
    ("calls", include_str!("../../../tests/compat/metrilo-backend/calls.json")),
    ("track", include_str!("../../../tests/compat/ometria-headless/track.json")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    title: String,
    /// `TOKEN:SECRET`, if the case depends on them.
    project: Option<String>,
    requests: Vec<Request>,
    #[serde(default)]
    state: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    path: String,
    body: Option<Map<String, Value>>,
    text: Option<String>,
    #[serde(default = "signed")]
    digest: Value,
    #[serde(default)]
    capitals: bool,
    /// `application/json` unless a case gives another.
    content_type: Option<String>,
    /// True for the project's secret; any other value for a wrong one.
    basic: Option<Value>,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    answer: Map<String, Value>,
}

fn signed() -> Value {
    true.into()
}

fn ok() -> u16 {
    200
}

#[test]
fn request_is_answered_and_changes_the_state_as_in_the_tables() {
    let mut cases: Vec<(String, Case)> = Vec::new();
    for (table, text) in TABLES {
        let read: Vec<Case> = serde_json::from_str(text).unwrap_or_else(|error| panic!("{table}: {error}"));
        cases.extend(read.into_iter().enumerate().map(|(at, case)| (format!("{table}-{at}:secret"), case)));
    }
    let keys: Vec<&str> = cases.iter().map(|(keys, case)| case.project.as_deref().unwrap_or(keys)).collect();
    let server = TestServer::with(&["--project", &keys.join(",")], Options::default());
    let mut wrong = Vec::new();
    for ((_, case), keys) in cases.iter().zip(&keys) {
        let (token, secret) = keys.split_once(':').unwrap();
        wrong.extend(case.run(&server.client, token, secret).map(|what| format!("{}\n    {what}", case.title)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn backend_endpoint_exists_with_and_without_version_and_checks_the_digest() {
    let server = TestServer::start();
    let body = json!({"token": "t", "time": 1_600_000_000_000_u64}).to_string();
    for (endpoint, version) in ENDPOINTS.iter().flat_map(|endpoint| ["", "/v2"].map(|version| (endpoint, version))) {
        let path = format!("{version}{}", endpoint.path);
        let ask = |digest: Option<&str>| {
            let headers: Vec<(&str, &str)> = digest.map(|digest| ("x-digest", digest)).into_iter().collect();
            let mut answer = server.client.post_with(&path, &headers, &body);
            (answer.status().as_u16(), read_json(&mut answer)["error"].clone())
        };
        let missing = if endpoint.is_batch() { "batch" } else { "params" };
        let (status, error) = ask(Some(&digest(&body, "secret")));
        assert_eq!((status, &error["field"], &error["code"]), (400, &json!(missing), &json!("missing_field")), "{path}");
        let unsigned = if endpoint.path == "/customer" { (400, "missing_field") } else { (401, "missing_digest") };
        let (status, error) = ask(None);
        assert_eq!((status, &error["code"]), (unsigned.0, &json!(unsigned.1)), "{path}");
        for wrong in [digest(&body, "another"), digest(&format!("{body} "), "secret"), digest(&body, "secret")[1..].to_owned()] {
            let (status, error) = ask(Some(&wrong));
            assert_eq!((status, &error["code"]), (403, &json!("wrong_digest")), "{path}");
        }
        assert_eq!(server.client.get(&path, &[]).status(), 405, "{path}");
    }
}

#[test]
fn front_end_endpoint_exists_with_and_without_version() {
    let server = TestServer::start();
    for (call, version) in CALLS.iter().flat_map(|call| ["", "/v1", "/v2"].map(|version| (call, version))) {
        let path = format!("{version}{}", call.path);
        let post = |body: Value| {
            let mut answer = server.client.post(&path, &body.to_string());
            assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{path}");
            (answer.status().as_u16(), read_json(&mut answer)["error"]["code"].clone())
        };
        assert_eq!(post(json!({"token": "t", "time": 1, "params": 7})), (400, json!("invalid_field")), "{path}");
        assert_eq!(post(json!({"token": "unknown", "time": 1, "visitorId": "ab"})), (401, json!("unknown_token")), "{path}");
        assert_eq!(server.client.get(&path, &[]).status(), 405, "{path}");
    }
    assert!(server.client.export("").is_empty());
}

impl Case {
    fn run(&self, client: &Client, token: &str, secret: &str) -> Option<String> {
        for request in &self.requests {
            let (status, answer) = request.send(client, token, secret);
            if status != request.status || !covers(&Value::from(request.answer.clone()), &answer) {
                return Some(format!("{} is answered {status} {answer}", request.path));
            }
        }
        self.state.iter().find_map(|(list, wanted)| {
            let wanted: Value = serde_json::from_str(&wanted.to_string().replace("$token", token)).unwrap();
            let found = Value::from(client.list_of(token, secret, list));
            (!covers(&wanted, &found)).then(|| format!("{list} are {found}"))
        })
    }
}

impl Request {
    fn send(&self, client: &Client, token: &str, secret: &str) -> (u16, Value) {
        let body = self.body.as_ref().map(|body| {
            let mut whole = Map::from_iter([("time".to_owned(), 1_600_000_000_000_u64.into()), ("token".to_owned(), token.into())]);
            whole.extend(body.clone());
            Value::from(whole).to_string()
        });
        let body = self.text.as_ref().map(|text| text.replace("$token", token)).or(body).unwrap();
        let mut headers = vec![("content-type".to_owned(), self.content_type.clone().unwrap_or_else(|| "application/json".into()))];
        match &self.digest {
            Value::Bool(true) if self.capitals => headers.push(("x-digest".into(), digest(&body, secret).to_uppercase())),
            Value::Bool(true) => headers.push(("x-digest".into(), digest(&body, secret))),
            Value::String(digest) => headers.push(("x-digest".into(), digest.clone())),
            _ => {}
        }
        match &self.basic {
            Some(Value::Bool(true)) => headers.push(("authorization".into(), basic(token, secret))),
            Some(_) => headers.push(("authorization".into(), basic(token, "wrong"))),
            None => {}
        }
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut answer = client.post_with(&self.path.replace("$token", token), &headers, &body);
        (answer.status().as_u16(), read_json(&mut answer))
    }
}

pub(crate) fn digest(body: &str, secret: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
