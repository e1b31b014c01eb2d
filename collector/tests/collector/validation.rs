//! One validation: a rule that is added to the protocol's validation holds for every way in which an event enters the collector.
//!
//! The test adds a rule that rejects one visitor id, sends an event of that visitor to every entrance, and expects the rule's rejection.

use serde_json::{Value, json};
use tillroll_collector::vendors::calls::CALLS;
use tillroll_protocol::unchecked_event::{EventError, TEST_RULE};

use crate::server::{Client, TestServer, basic, id, read_json};

/// The visitor id that the added rule rejects; hexadecimal, because a page ignores any other content of its cookie.
const FORBIDDEN: &str = "bad1";

/// A rejection that no other rule can cause.
const ADDED: EventError = EventError::StringTooLong { field: "added-rule", bytes: 1 };

/// An entrance: a name and a function that sends an event of a visitor and returns the response.
type Entrance = (String, Box<dyn Fn(&Client, &str) -> Value>);

fn post(client: &Client, path: &str, headers: &[(&str, &str)], body: &str) -> Value {
    read_json(&mut client.post_with(path, headers, body))
}

fn entrances() -> Vec<Entrance> {
    let mut all: Vec<Entrance> = vec![
        (
            "POST /v2/batch".into(),
            Box::new(|client, visitor| {
                let event = json!({"id": id(1), "type": "checkout", "api": "tillroll", "time": 5, "visitorId": visitor});
                post(client, "/v2/batch", &[], &json!({"token": "t", "events": [event]}).to_string())
            }),
        ),
        (
            "POST /v2/calls".into(),
            Box::new(|client, visitor| {
                let seed = "01".repeat(21);
                let texts = [("type", "checkout"), ("seed", &seed), ("api", "metrilo"), ("url", "https://shop.test/")];
                let members: String = texts.iter().map(|(name, text)| format!(":{name}\u{1f}${text}\u{1f}")).collect();
                let call = format!("{{:time\u{1f}#1518004715732\u{1f}{members}:params\u{1f}{{}}}}");
                let body = format!("{{:token\u{1f}$t\u{1f}:visitor\u{1f}${visitor}\u{1f}:session\u{1f}$\u{1f}:calls\u{1f}[{call}]}}");
                post(client, "/v2/calls", &[], &body)
            }),
        ),
        (
            "POST /api/track".into(),
            Box::new(|client, visitor| {
                let body = json!({"scope": "view", "data": {}, "user": {"uid": visitor}});
                post(client, "/api/track?token=t", &[], &body.to_string())
            }),
        ),
        (
            "POST /import/events".into(),
            Box::new(|client, visitor| {
                let event = json!({"id": id(2), "type": "checkout", "api": "tillroll", "time": 5, "visitor_id": visitor, "params": {}});
                post(client, "/import/events", &[("authorization", &basic("t", "secret"))], &event.to_string())
            }),
        ),
    ];
    all.extend(CALLS.iter().map(|call| {
        let send = |client: &Client, visitor: &str| {
            let params = json!({"email": "a@x.com", "firstName": "Jo", "url": "/", "currentUrl": "/", "id": "1", "productId": "1",
                "quantity": 1, "query": "q", "tags": ["x"], "name": "n"});
            let body = json!({"token": "t", "time": 1_518_004_715_732_u64, "visitorId": visitor, "params": params});
            post(client, call.path, &[], &body.to_string())
        };
        (format!("POST {}", call.path), Box::new(send) as Box<dyn Fn(&Client, &str) -> Value>)
    }));
    all
}

#[test]
fn added_rule_is_obeyed_at_every_entrance() {
    TEST_RULE.set(|visitor| (visitor == FORBIDDEN).then_some(ADDED)).expect("no other test adds a rule");
    let server = TestServer::start();
    for (name, send) in entrances() {
        let response = send(&server.client, FORBIDDEN).to_string();
        assert!(response.contains("string_too_long") && response.contains("added-rule"), "{name}: {response}");
    }
    assert!(server.client.export("").is_empty());
    let mut accepted = 0;
    for (name, send) in entrances() {
        let response = send(&server.client, "ab");
        assert!(response["accepted"].as_u64() > Some(0) || response["status"] == "ok", "{name}: {response}");
        accepted += response["accepted"].as_u64().unwrap_or(1);
    }
    assert_eq!(server.client.export("").len() as u64, accepted);
}
