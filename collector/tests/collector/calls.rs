//! Calls of pages that close before the core has loaded: the response, and the events that the export contains afterwards.

use serde_json::json;
use tillroll_collector::store::Options;

use crate::server::{TestServer, read_json};

/// A call as a page records it.
fn call(kind: &str, seed: u8, params: &str) -> String {
    let seed = format!("{seed:02x}").repeat(21);
    let texts = [("type", kind), ("seed", &seed), ("api", "metrilo"), ("url", "https://shop.test/")];
    let members: String = texts.iter().map(|(name, text)| format!(":{name}\u{1f}${text}\u{1f}")).collect();
    format!("{{:time\u{1f}#1518004715732\u{1f}{members}:params\u{1f}{params}}}")
}

fn body(token: &str, calls: &[String]) -> String {
    let calls = calls.concat();
    format!("{{:token\u{1f}${token}\u{1f}:visitor\u{1f}$5f2\u{1f}:session\u{1f}$\u{1f}:calls\u{1f}[{calls}]}}")
}

#[test]
fn calls_are_stored_once_as_the_events_that_a_page_makes() {
    let server = TestServer::with(&["--project", "t:s"], Options::default());
    let calls = [call("land", 1, "{}"), call("nonsense", 2, "{}"), call("product_view", 3, "{:product_id\u{1f}#7\u{1f}}")];
    let body = body("t", &calls);
    for expected in [json!({"accepted": 2, "duplicates": 0, "rejected": []}), json!({"accepted": 0, "duplicates": 2, "rejected": []})] {
        let mut answer = server.client.post("/v2/calls", &body);
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        assert_eq!((answer.status().as_u16(), read_json(&mut answer)), (200, expected));
    }
    let events = server.client.export("");
    let short: Vec<_> = events.iter().map(|event| (&event["type"], &event["api"], &event["params"], &event["visitor_id"])).collect();
    assert_eq!(
        short,
        [
            (&json!("land"), &json!("tillroll"), &json!({"current_url": "https://shop.test/", "source_url": ""}), &json!("5f2")),
            (&json!("product_view"), &json!("metrilo"), &json!({"product_id": "7"}), &json!("5f2")),
        ]
    );
    assert_eq!(events[0]["session_id"], events[1]["session_id"]);
}

#[test]
fn invalid_list_of_calls_is_rejected() {
    let server = TestServer::with(&["--project", "t:s"], Options::default());
    let many: Vec<_> = (0..501).map(|_| call("checkout", 1, "{}")).collect();
    for (body, status, code) in [
        (body("unknown", &[]), 401, "unknown_token"),
        (String::new(), 400, "invalid_field"),
        (r#"{"token":"t","events":[]}"#.into(), 400, "invalid_field"),
        (body("t", &many), 413, "too_many_events"),
    ] {
        let mut answer = server.client.post("/v2/calls", &body);
        assert_eq!((answer.status().as_u16(), read_json(&mut answer)["error"]["code"].as_str()), (status, Some(code)), "{body:.80}");
    }
    assert!(server.client.export("").is_empty());
}
