//! Credentials: requests of other sites change nothing, what a secret opened ends with the secret, and files are private.

use std::io::Read;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tillroll_collector::store::Options;
use ureq::Agent;

use crate::server::{Client, ServerProcess, TestServer, basic, id, read_json, run_program, until};

/// Requests of an owner that change something, or return a token: method, path, body.
const OWNERS: &[(&str, &str, &str)] = &[
    ("POST", "/import/orders", r#"{"id":"1","status":"placed","placed_at":"2021-01-01T00:00:00Z","current_date":"2021-01-01T00:00:00Z"}"#),
    ("POST", "/import/events", "{}"),
    ("POST", "/import/customers", "{}"),
    ("DELETE", "/customers/jo@x.com", ""),
    ("POST", "/reports/token", ""),
    ("POST", "/oauth/token", "grant_type=client_credentials"),
    ("POST", "/api/track", r#"{"scope":"order","action":"cancel","user":{"uid":"x"},"data":{"order_id":"1"}}"#),
    ("POST", "/metrics/orders/stats", "{}"),
    ("PUT", "/import/orders", "{}"),
    ("OPTIONS", "/import/orders", ""),
];

/// Headers of requests that a page of another origin causes, as browsers of several ages send them.
const FOREIGN: &[&[(&str, &str)]] = &[
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "cross-site"), ("origin", "null")],
    &[("sec-fetch-site", "nonsense")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "")],
    &[("origin", "http://t.shop.example:7071")],
    &[("origin", "http://www.shop.example:7070")],
];

/// Headers of requests that no page of another origin causes.
const OWN: &[&[(&str, &str)]] = &[
    &[],
    &[("sec-fetch-site", "same-origin"), ("origin", "http://t.shop.example:7070")],
    &[("sec-fetch-site", "none")],
    &[("origin", "http://t.shop.example:7070")],
];

/// Sends a request to the host `t.shop.example:7070`; returns the status and the code of the error.
fn send(client: &Client, (method, path, body): (&str, &str, &str), headers: &[(&str, &str)]) -> (u16, Value) {
    let agent: Agent = Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build().into();
    let request = ureq::http::Request::builder().method(method).uri(client.url(path)).header("host", "t.shop.example:7070");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let mut response = agent.run(request.body(body.to_owned()).unwrap()).unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    (response.status().as_u16(), body["error"]["code"].clone())
}

#[test]
fn request_of_another_site_with_the_owners_credentials_is_rejected_and_changes_nothing() {
    let server = TestServer::start();
    let key = basic("t", "secret");
    for &request in OWNERS {
        for foreign in FOREIGN {
            let headers = [&[("authorization", key.as_str())][..], foreign].concat();
            assert_eq!(send(&server.client, request, &headers), (403, json!("cross_site")), "{request:?} {foreign:?}");
        }
        for own in OWN {
            let headers = [&[("authorization", key.as_str())][..], own].concat();
            assert_ne!(send(&server.client, request, &headers).0, 403, "{request:?} {own:?}");
        }
    }
    for list in ["orders", "customers", "events"] {
        let before = server.client.list_of("t", "secret", list);
        for foreign in FOREIGN {
            let import = r#"{"id":"foreign","status":"placed","placed_at":"2021-01-01T00:00:00Z","current_date":"2021-01-01T00:00:00Z"}"#;
            send(&server.client, ("POST", "/import/orders", import), &[&[("authorization", key.as_str())][..], foreign].concat());
        }
        assert_eq!(server.client.list_of("t", "secret", list), before, "{list}");
    }
}

#[test]
fn owners_read_and_pages_send_from_any_site() {
    let server = TestServer::start();
    let key = basic("t", "secret");
    for foreign in FOREIGN {
        let owner = [&[("authorization", key.as_str())][..], foreign].concat();
        assert_eq!(send(&server.client, ("GET", "/export/events", ""), &owner).0, 200, "{foreign:?}");
        assert_eq!(send(&server.client, ("HEAD", "/reports", ""), &owner).0, 200, "{foreign:?}");
        let event = json!({"token": "t", "events": [crate::server::view(1, 1, "ab")]}).to_string();
        assert_eq!(send(&server.client, ("POST", "/v2/batch", &event), foreign).0, 200, "{foreign:?}");
        let view = r#"{"scope":"view","data":{},"user":{"uid":"ab"}}"#;
        assert_eq!(send(&server.client, ("POST", "/api/track?token=t", view), foreign).0, 200, "{foreign:?}");
        // A dashboard of another origin has its own credentials in the body.
        let form = "grant_type=client_credentials&client_id=t&client_secret=secret";
        assert_eq!(send(&server.client, ("POST", "/oauth/token", form), foreign).0, 200, "{foreign:?}");
    }
}

#[test]
fn demo_without_a_secret_is_not_open_to_other_sites() {
    let server = TestServer::with(&["--project", "t:secret", "--demo"], Options::default());
    let status = |headers: &[(&str, &str)]| server.client.post_with("/reports/token", headers, "").status().as_u16();
    assert_eq!(status(&[]), 200);
    assert_eq!(status(&[("sec-fetch-site", "same-origin")]), 200);
    for foreign in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")] {
        assert_eq!(status(&[foreign]), 403, "{foreign:?}");
    }
}

#[test]
fn answers_to_owners_are_not_guessed_and_not_embedded() {
    let server = TestServer::start();
    let key = basic("t", "secret");
    for path in ["/export/events", "/export/customers", "/live", "/live/live.js", "/live/events", "/reports", "/import/orders", "/nowhere"]
    {
        for headers in [&[][..], &[("authorization", key.as_str())]] {
            let response = server.client.get(path, headers);
            let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap());
            assert_eq!(header("x-content-type-options"), Some("nosniff"), "{path}");
            assert_eq!(header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
        }
    }
}

/// Returns an access token of the project `shop`.
fn access_token(client: &Client, secret: &str) -> String {
    let form = format!("grant_type=client_credentials&client_id=shop&client_secret={secret}");
    let mut response = client.post_with("/oauth/token", &[("content-type", "application/x-www-form-urlencoded")], &form);
    assert_eq!(response.status(), 200);
    read_json(&mut response)["access_token"].as_str().unwrap().to_owned()
}

/// Returns whether the server accepts a token. The query is invalid, which is reported only to valid tokens.
fn accepts(client: &Client, token: &str) -> bool {
    let (accept, kind) = (("accept", "application/vnd.api.v1+json"), ("content-type", "application/vnd.api+json"));
    let authorization = format!("Bearer {token}");
    client.post_with("/metrics/orders/stats", &[accept, kind, ("authorization", &authorization)], "{}").status() != 401
}

/// Opens a live stream and returns what it contains until it ends.
fn live_stream(client: &Client, secret: &str) -> std::thread::JoinHandle<String> {
    let response = client.get("/live/events", &[("authorization", &basic("shop", secret))]);
    assert_eq!(response.status(), 200);
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = response.into_body().into_reader().read_to_string(&mut text);
        text
    })
}

/// Runs the program with the data folder.
fn run(data: &Path, arguments: &[&str]) -> String {
    let (success, out, err) = run_program(&[arguments, &["--data", data.to_str().unwrap()]].concat());
    assert!(success, "{err}");
    out.trim().rsplit(':').next().unwrap_or_default().to_owned()
}

#[test]
fn tokens_and_streams_end_with_the_secret_the_project_and_the_keys() {
    let actions: [&[&str]; 3] =
        [&["projects", "rotate-secret", "shop", "--grace", "0s"], &["projects", "retire", "shop"], &["keys", "rotate"]];
    for action in actions {
        let folder = tempfile::tempdir().unwrap();
        let secret = run(folder.path(), &["projects", "add", "shop"]);
        let program = ServerProcess::start(folder.path(), &["--project", "other:0ther"]);
        let client = &program.client;
        let (token, stream) = (access_token(client, &secret), live_stream(client, &secret));
        assert!(accepts(client, &token));
        run(folder.path(), action);
        until("the token ends", || !accepts(client, &token));
        let event =
            json!({"id": id(1), "type": "page_view", "api": "metrilo", "time": 1, "visitorId": "ab", "params": {"url": "https://x/after"}});
        client.post("/v2/batch", &json!({"token": "shop", "events": [event]}).to_string());
        until("the stream ends", || stream.is_finished());
        let text = stream.join().unwrap();
        assert!(text.contains("event: hello") && !text.contains("after"), "{action:?}: {text}");
    }
}

#[test]
fn tokens_and_streams_stay_during_the_grace_time_of_their_secret() {
    let folder = tempfile::tempdir().unwrap();
    let secret = run(folder.path(), &["projects", "add", "shop"]);
    let program = ServerProcess::start(folder.path(), &[]);
    let (token, stream) = (access_token(&program.client, &secret), live_stream(&program.client, &secret));
    let new = run(folder.path(), &["projects", "rotate-secret", "shop", "--grace", "1h"]);
    until("the new secret is valid", || program.client.get("/export/events", &[("authorization", &basic("shop", &new))]).status() == 200);
    let event =
        json!({"id": id(1), "type": "page_view", "api": "metrilo", "time": 1, "visitorId": "ab", "params": {"url": "https://x/after"}});
    program.client.post("/v2/batch", &json!({"token": "shop", "events": [event]}).to_string());
    assert!(accepts(&program.client, &token) && accepts(&program.client, &access_token(&program.client, &new)));
    run(folder.path(), &["projects", "retire", "shop"]);
    assert!(stream.join().unwrap().contains("after"));
}

#[cfg(unix)]
mod permissions {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn assert_private(folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
        }
    }

    /// Starts the program as a shell with the usual permissions of new files does.
    fn start(data: &Path) -> ServerProcess {
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask 022; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_tillroll"), "serve"]);
        ServerProcess::run(&mut shell, data, &["--project", "t:secret"])
    }

    #[test]
    fn files_are_the_owners_alone_also_in_a_folder_that_was_there() {
        let parent = tempfile::tempdir().unwrap();
        let data = parent.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
        let program = start(&data);
        program.client.store(&[crate::server::identify(1, 1, "ab", "jo@x.com")]);
        assert_private(&data);
        assert_eq!(mode(&data), 0o700);
        let out = parent.path().join("customers.ndjson");
        fs::write(&out, "").unwrap();
        fs::set_permissions(&out, Permissions::from_mode(0o644)).unwrap();
        run(&data, &["export", "customers", "--out", out.to_str().unwrap()]);
        assert_eq!(mode(&out), 0o600);
        drop(program);
        // As a version before this rule has left them.
        for entry in fs::read_dir(&data).unwrap() {
            fs::set_permissions(entry.unwrap().path(), Permissions::from_mode(0o644)).unwrap();
        }
        let program = start(&data);
        program.client.store(&[crate::server::identify(2, 2, "ab", "jo@x.com")]);
        assert_private(&data);
    }

    #[test]
    fn a_folder_with_files_of_others_keeps_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let other = folder.path().join("shop.html");
        fs::write(&other, "").unwrap();
        fs::set_permissions(&other, Permissions::from_mode(0o644)).unwrap();
        let program = start(folder.path());
        program.client.store(&[crate::server::identify(1, 1, "ab", "jo@x.com")]);
        assert_eq!((mode(folder.path()), mode(&other)), (0o755, 0o644));
        assert_eq!(mode(&folder.path().join(tillroll_collector::store::FILE)), 0o600);
    }
}
