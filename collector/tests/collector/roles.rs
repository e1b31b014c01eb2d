//! Who may do what: the table of docs/security.md, played over a socket. Each action is sent with the proof of each role.

use crate::backend::digest;
use crate::server::{Client, TestServer, basic, read_json};

/// The proofs: none but the public token in the body or the path, a signature, the owner's secret, an access token.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Proof {
    PublicToken,
    Signature,
    Secret,
    AccessToken,
}
use Proof::{AccessToken, PublicToken, Secret, Signature};

const PROOFS: [Proof; 4] = [PublicToken, Signature, Secret, AccessToken];

/// An action: method, path, body, and the proofs that it accepts.
type Action = (&'static str, &'static str, &'static str, &'static [Proof]);

const EVENT: &str = r#"{"token":"t","events":[{"id":"01890a5d-0000-7000-8000-000000000001","type":"page_view","api":"metrilo","time":1,"visitorId":"ab","params":{"url":"https://x/"}}]}"#;
const VIEW: &str = r#"{"token":"t","time":1600000000000,"visitorId":"ab","params":{"productId":"1"}}"#;
const HEADLESS_VIEW: &str = r#"{"scope":"view","data":{},"user":{"uid":"ab"}}"#;
const HEADLESS_ORDER: &str = r#"{"scope":"order","action":"cancel","user":{"uid":"ab"},"data":{"order_id":"1"}}"#;
const CUSTOMER: &str = r#"{"token":"t","time":1600000000000,"params":{"email":"a@x.com","createdAt":1600000000000}}"#;
const CATEGORY: &str = r#"{"token":"t","time":1600000000000,"params":{"id":"c","name":"Hats"}}"#;
const ORDER: &str = r#"{"id":"1","status":"placed","placed_at":"2021-01-01T00:00:00Z","current_date":"2021-01-01T00:00:00Z"}"#;
const TAGS: &str = r#"{"tags":["vip"]}"#;
const QUERY: &str = r#"{"stats":{"field":"order.id","operator":"value_count"}}"#;

const ACTIONS: &[Action] = &[
    ("POST", "/v2/batch", EVENT, &PROOFS),
    ("POST", "/product/view", VIEW, &PROOFS),
    ("POST", "/api/track?token=t", HEADLESS_VIEW, &[PublicToken, Signature, Secret]),
    ("POST", "/api/track?token=t", HEADLESS_ORDER, &[Secret]),
    ("POST", "/customer", CUSTOMER, &PROOFS),
    ("POST", "/v2/customer", CUSTOMER, &PROOFS),
    ("POST", "/v2/category", CATEGORY, &[Signature]),
    ("POST", "/import/orders", ORDER, &[Secret]),
    ("POST", "/import/customers", "", &[Secret]),
    ("POST", "/import/events", "", &[Secret]),
    ("GET", "/export/events", "", &[Secret]),
    ("GET", "/export/customers", "", &[Secret]),
    ("GET", "/export/orders", "", &[Secret]),
    ("GET", "/export/carts", "", &[Secret]),
    ("GET", "/export/returns", "", &[Secret]),
    ("GET", "/live", "", &[Secret]),
    ("GET", "/live/events", "", &[Secret]),
    ("GET", "/reports", "", &[Secret]),
    ("POST", "/reports/token", "", &[Secret]),
    ("POST", "/oauth/token", "grant_type=client_credentials", &[Secret]),
    ("POST", "/metrics/orders/stats", QUERY, &[AccessToken]),
    // The action `POST /customer` adds the customer.
    ("GET", "/customers/a@x.com/timeline", "", &[Secret]),
    ("GET", "/customers/a@x.com/data", "", &[Secret]),
    ("GET", "/customers/a@x.com/tags", "", &[Secret]),
    ("GET", "/customers", "", &[Secret]),
    ("GET", "/customers/a@x.com", "", &[Secret]),
    ("POST", "/customers/a@x.com/tags", TAGS, &[Secret]),
    ("DELETE", "/customers/a@x.com/tags", TAGS, &[Secret]),
    ("DELETE", "/customers/absent@x.com", "", &[Secret]),
];

/// Sends an action with a proof, whose secret is `secret`; returns the status.
fn send(client: &Client, (method, path, body, _): Action, proof: Proof, secret: &str, access_token: &str) -> u16 {
    let mut headers = vec![("accept", "application/vnd.api.v1+json".to_owned())];
    match path {
        path if path.starts_with("/metrics/") => headers.push(("content-type", "application/vnd.api+json".into())),
        "/oauth/token" => headers.push(("content-type", "application/x-www-form-urlencoded".into())),
        _ => {}
    }
    match proof {
        PublicToken => {}
        Signature => headers.push(("x-digest", digest(body, secret))),
        Secret => headers.push(("authorization", basic("t", secret))),
        AccessToken => headers.push(("authorization", format!("Bearer {access_token}"))),
    }
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let response = match method {
        "GET" => client.get(path, &headers),
        "DELETE" => client.delete_with(path, &headers, body),
        _ => client.post_with(path, &headers, body),
    };
    response.status().as_u16()
}

#[test]
fn each_action_accepts_its_proofs_and_no_other() {
    let server = TestServer::start();
    let mut response = server.client.post_with("/reports/token", &[("authorization", &basic("t", "secret"))], "");
    let access_token = read_json(&mut response)["access_token"].as_str().unwrap().to_owned();
    let has_engine = cfg!(feature = "duckdb");
    for &action in ACTIONS.iter().filter(|(_, path, ..)| has_engine || !path.starts_with("/metrics/")) {
        for proof in PROOFS {
            let status = send(&server.client, action, proof, "secret", &access_token);
            let is_accepted = action.3.contains(&proof);
            assert!(if is_accepted { status == 200 } else { [401, 403].contains(&status) }, "{action:?} {proof:?}: {status}");
        }
    }
}

#[test]
fn wrong_proofs_are_refused_before_anything_changes() {
    let server = TestServer::with(&["--project", "t:secret", "--project", "u:other-secret"], Default::default());
    for &action in ACTIONS {
        for proof in [Signature, Secret, AccessToken] {
            // The secret of another project, and a token that no key signed.
            let status = send(&server.client, action, proof, "other-secret", "a.b.c");
            let is_public = action.3.contains(&PublicToken);
            let is_refused = !is_public
                || matches!((action.1, proof), ("/customer" | "/v2/customer", Signature) | ("/api/track?token=t", Secret | AccessToken));
            assert!(if is_refused { [401, 403].contains(&status) } else { status == 200 }, "{action:?} {proof:?}: {status}");
        }
    }
    for (token, secret, list) in [("t", "secret", "orders"), ("t", "secret", "categories"), ("u", "other-secret", "events")] {
        assert!(server.client.list_of(token, secret, list).is_empty(), "{token} {list}");
    }
}
