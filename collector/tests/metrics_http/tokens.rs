//! Access tokens: how clients get them, and which records they give access to.

use serde_json::{Value, json};

use super::api_client::{ACCEPT, CONTENT_TYPE, import, order, query_with, send, token, year};
use super::server::{ServerProcess, TestServer, basic};

#[test]
fn client_gets_a_token_by_form_json_or_header() {
    let server = TestServer::start_today();
    let (form, json_type) = (("content-type", "application/x-www-form-urlencoded"), ("content-type", "application/json"));
    let authorization = basic("t", "secret");
    for (headers, body) in [
        (vec![form], "grant_type=client_credentials&client_id=t&client_secret=secret&scope=market%3Aid%3Aa+market:id:b"),
        (
            vec![json_type],
            r#"{"grant_type":"client_credentials","client_id":"t","client_secret":"secret","scope":"market:id:a market:id:b"}"#,
        ),
        // A client that does not name the media type, and one that spells it in capitals.
        (vec![form], r#" {"grant_type":"client_credentials","client_id":"t","client_secret":"secret","scope":"market:id:a market:id:b"}"#),
        (
            vec![("content-type", "Application/JSON")],
            r#"{"grant_type":"client_credentials","client_id":"t","client_secret":"secret","scope":"market:id:a market:id:b"}"#,
        ),
        (vec![form, ("authorization", &authorization)], "grant_type=client_credentials&scope=market:id:a%20market:id:b"),
    ] {
        let (status, response) = send(&server.client, "POST", "/oauth/token", &headers, body);
        assert_eq!((status, &response["token_type"], &response["expires_in"]), (200, &json!("Bearer"), &json!(7200)), "{body}");
        let claims = claims(response["access_token"].as_str().unwrap());
        assert_eq!(claims["organization"]["id"], "t");
        assert_eq!(claims["application"]["kind"], "integration");
        assert_eq!((&claims["market"]["id"], &claims["test"]), (&json!(["a", "b"]), &json!(false)));
    }
}

#[test]
fn scope_of_null_is_no_scope() {
    let server = TestServer::start_today();
    let body = r#"{"grant_type":"client_credentials","client_id":"t","client_secret":"secret","scope":null}"#;
    let (status, response) = send(&server.client, "POST", "/oauth/token", &[("content-type", "application/json")], body);
    assert_eq!((status, &response["scope"]), (200, &json!("")));
}

#[test]
fn invalid_token_requests_are_rejected() {
    let server = TestServer::start_today();
    for (body, status, error) in [
        ("grant_type=client_credentials&client_id=t&client_secret=x", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=x&client_secret=secret", 401, "invalid_client"),
        ("grant_type=client_credentials", 401, "invalid_client"),
        ("grant_type=password&client_id=t&client_secret=secret", 400, "unsupported_grant_type"),
        ("grant_type=client_credentials&client_id=t&client_secret=secret&scope=admin", 400, "invalid_scope"),
    ] {
        let found = send(&server.client, "POST", "/oauth/token", &[], body);
        assert_eq!((found.0, &found.1["error"]), (status, &json!(error)), "{body}");
    }
    assert_eq!(send(&server.client, "GET", "/oauth/token", &[], "").0, 405);
}

#[test]
fn token_gives_access_only_to_its_markets_and_project() {
    let server = TestServer::with_clock(
        &["--project", "t:secret", "--project", "u:secret"],
        Default::default(),
        tillroll_collector::clock::Clock::SYSTEM,
    );
    let in_market = |id: &str, market: &str| {
        let mut order = order(id, 1.0);
        order["market"] = json!({"id": market});
        order
    };
    import(&server.client, "orders", &[in_market("1", "a"), in_market("2", "b"), order("3", 1.0), in_market("4", "Größe 5%")]);
    let body = json!({"stats": {"field": "order.id", "operator": "value_count"}, "filter": {"order": year()}});
    for (scope, count, markets) in [
        ("", 4, json!([])),
        ("market:id:a", 1, json!(["a"])),
        ("market:id:a market:id:b", 2, json!(["a", "b"])),
        ("market:id:Gr%C3%B6ße%205%25 market:id:%61", 2, json!(["Größe 5%", "a"])),
    ] {
        let (_, response) = query_with(&server.client, &token(&server.client, scope), "orders/stats", &body);
        assert_eq!((&response["data"]["value"], &response["meta"]["market_ids"]), (&json!(count), &markets), "{scope}");
    }
    let other = "grant_type=client_credentials&client_id=u&client_secret=secret";
    let other = send(&server.client, "POST", "/oauth/token", &[], other).1["access_token"].as_str().unwrap().to_owned();
    let (_, response) = query_with(&server.client, &other, "orders/stats", &body);
    assert_eq!((&response["data"]["value"], &response["meta"]["organization_id"]), (&json!(0), &json!("u")));
}

#[test]
fn foreign_and_tampered_tokens_are_rejected() {
    let (server, foreign) = (TestServer::start_today(), TestServer::start());
    let good = token(&server.client, "");
    let (head, signature) = good.rsplit_once('.').unwrap();
    let tampered = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let body = json!({"stats": {"field": "order.id", "operator": "value_count"}});
    for bad in ["", "x", "a.b.c", &tampered, &token(&foreign.client, "")] {
        let (status, response) = query_with(&server.client, bad, "orders/stats", &body);
        assert_eq!((status, &response["error"]["code"]), (401, &json!("UNAUTHORIZED")), "{bad}");
    }
    let basic = basic("t", "secret");
    let headers = [ACCEPT, CONTENT_TYPE, ("authorization", &*basic)];
    assert_eq!(send(&server.client, "POST", "/metrics/orders/stats", &headers, &body.to_string()).0, 401);
}

#[test]
fn token_stays_valid_after_a_restart_and_ends_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let body = json!({"stats": {"field": "order.id", "operator": "value_count"}});
    let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    let first = token(&program.client, "");
    drop(program);
    let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    let data = folder.path().to_str().unwrap();
    let rotate = |more: &[&str]| {
        let arguments = [&["keys", "rotate", "--data", data], more].concat();
        assert!(std::process::Command::new(env!("CARGO_BIN_EXE_tillroll")).args(arguments).status().unwrap().success());
    };
    let status = |token: &str| query_with(&program.client, token, "orders/stats", &body).0;
    rotate(&["--grace", "1h"]);
    let second = token(&program.client, "");
    assert_ne!(first.split('.').next(), second.split('.').next());
    assert_eq!([status(&first), status(&second)], [200, 200]);
    rotate(&[]);
    let third = token(&program.client, "");
    assert_eq!([status(&first), status(&second), status(&third)], [401, 401, 200]);
}

fn claims(token: &str) -> Value {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
    let body = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}
