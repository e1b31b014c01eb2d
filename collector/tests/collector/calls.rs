//! The calls of pages, with and without decisions: the response, and the events that the export contains afterwards.

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

/// A body of the first form, which has only calls without decisions.
fn body(token: &str, calls: &[String]) -> String {
    let calls = calls.concat();
    format!("{{:token\u{1f}${token}\u{1f}:visitor\u{1f}$5f2\u{1f}:session\u{1f}$\u{1f}:calls\u{1f}[{calls}]}}")
}

#[test]
fn calls_are_stored_once_as_the_events_that_a_page_makes() {
    let server = TestServer::with(&["--project", "t:secret"], Options::default());
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
    let server = TestServer::with(&["--project", "t:secret"], Options::default());
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

/// A body of the current form.
fn queue(more: &str, entries: &[String]) -> String {
    format!("{{:token\u{1f}$t\u{1f}:form\u{1f}#2\u{1f}:version\u{1f}$1\u{1f}{more}:queue\u{1f}[{}]}}", entries.concat())
}

fn decided(call: &str, decisions: &[(&str, &str)], changes: &str) -> String {
    let members: String = decisions.iter().map(|(name, text)| format!(":{name}\u{1f}${text}\u{1f}")).collect();
    let changes = if changes.is_empty() { String::new() } else { format!(":changes\u{1f}{changes}") };
    format!("[{call}{{:session\u{1f}$s1\u{1f}{members}{changes}}}]")
}

#[test]
fn decided_calls_are_stored_once_as_their_events() {
    let server = TestServer::with(&["--project", "t:secret"], Options::default());
    let basket = "{:total\u{1f}$£9.50\u{1f}:lines\u{1f}[{:product_id\u{1f}#1\u{1f}:quantity\u{1f}$2\u{1f}}]:changes\u{1f}[]}";
    let changes = "[{:product_id\u{1f}$1\u{1f}:from\u{1f}#0\u{1f}:to\u{1f}#2\u{1f}}]";
    let entries = [
        decided(&call("product_view", 1, "{:product_id\u{1f}#7\u{1f}}"), &[("land", "5f2"), ("visitor", "5f2"), ("store", "uk")], ""),
        decided(&call("land", 2, "{}"), &[("land", "5f2")], ""),
        decided(&call("identify", 3, "{:email\u{1f}$A@x.com\u{1f}}"), &[("visitor", "5f2")], ""),
        decided(&call("basket_update", 4, basket), &[("visitor", "a@x.com")], changes),
        decided(&call("identify", 5, "{:email\u{1f}$b@x.com\u{1f}}"), &[("land", "a@x.com"), ("visitor", "9c1")], ""),
        decided(&call("checkout", 6, "{}"), &[], ""),
    ];
    let body = queue(":sentAt\u{1f}#1518004715732\u{1f}:dropped\u{1f}#3\u{1f}", &entries);
    for expected in [json!({"accepted": 7, "duplicates": 0, "rejected": []}), json!({"accepted": 0, "duplicates": 7, "rejected": []})] {
        let mut answer = server.client.post("/v2/calls", &body);
        assert_eq!((answer.status().as_u16(), read_json(&mut answer)), (200, expected));
    }
    let events = server.client.export("");
    let short: Vec<_> = events.iter().map(|event| (event["type"].as_str().unwrap(), &event["visitor_id"], &event["email"])).collect();
    let (a, b) = (json!("a@x.com"), json!("b@x.com"));
    assert_eq!(
        short,
        [
            ("land", &json!("5f2"), &a),
            ("product_view", &json!("5f2"), &a),
            ("land", &json!("5f2"), &a),
            ("identify", &json!("5f2"), &a),
            ("basket_update", &json!(null), &a),
            ("land", &json!(null), &a),
            ("identify", &json!("9c1"), &b),
        ]
    );
    assert!(events.iter().all(|event| event["session_id"] == "s1"));
    assert_eq!((&events[0]["store_id"], &events[2]["store_id"]), (&json!("uk"), &json!(null)));
    assert_eq!(
        events[4]["params"],
        json!({"total": 9.5, "lines": [{"product_id": "1", "quantity": 2}], "changes": [{"product_id": "1", "from": 0, "to": 2}]})
    );
    assert_eq!(server.client.metric("tillroll_page_dropped_total"), 6.0);
}

#[test]
fn rejected_entry_never_costs_its_neighbours() {
    let server = TestServer::with(&["--project", "t:secret"], Options::default());
    let json_event =
        r#"{"id":"01890a5d-0000-7000-8000-000000000000","type":"checkout","api":"metrilo","time":5,"visitorId":"ab","params":{}}"#;
    let entries = [
        decided(&call("nonsense", 1, "{}"), &[("visitor", "5f2")], ""),
        decided(&call("category_view", 2, "{}"), &[("visitor", "5f2")], ""),
        decided(&call("checkout", 3, "{}"), &[("visitor", &"x".repeat(200))], ""),
        decided(&call("custom", 4, &format!("{{:name\u{1f}${}\u{1f}}}", "x".repeat(70_000))), &[("visitor", "5f2")], ""),
        "[]".into(),
        "[[]]".into(),
        "#1\u{1f}".into(),
        format!("${json_event}\u{1f}"),
        "$no event\u{1f}".into(),
        call("checkout", 5, "{}"),
    ];
    let mut answer = server.client.post("/v2/calls", &queue("", &entries));
    let found = read_json(&mut answer);
    assert_eq!((answer.status().as_u16(), &found["accepted"]), (200, &json!(3)), "{found}");
    let codes: Vec<_> = found["rejected"].as_array().unwrap().iter().map(|rejection| rejection["code"].as_str().unwrap()).collect();
    assert_eq!(
        codes,
        [
            "unknown_type",
            "missing_field",
            "invalid_field",
            "event_too_large",
            "invalid_field",
            "invalid_field",
            "invalid_field",
            "invalid_event"
        ]
    );
    assert_eq!(found["rejected"][0]["id"], "01617021-c0d4-7101-8101-010101010101");
    let kinds: Vec<_> = server.client.export("").iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds, ["checkout", "land", "checkout"]);
}

#[test]
fn call_with_an_invalid_time_is_rejected() {
    let server = TestServer::with(&["--project", "t:secret"], Options::default());
    for time in ["1e400", "-1", "NaN", "1.5", ""] {
        let call = call("checkout", 1, "{}").replace("1518004715732", time);
        for body in [body("t", std::slice::from_ref(&call)), queue("", &[decided(&call, &[("visitor", "5f2")], "")])] {
            let found = read_json(&mut server.client.post("/v2/calls", &body));
            assert_eq!((&found["accepted"], &found["rejected"][0]["code"]), (&json!(0), &json!("invalid_field")), "{time} {found}");
        }
    }
}

#[test]
fn unknown_form_names_the_remedy_and_an_unknown_token_comes_first() {
    let server = TestServer::with(&["--project", "t:secret"], Options::default());
    let many: Vec<_> = (0..501).map(|_| decided(&call("checkout", 1, "{}"), &[("visitor", "a")], "")).collect();
    for (body, status, code) in [
        (queue("", &[]).replace("#2", "#3"), 400, "invalid_field"),
        (queue("", &[]).replace(":queue", ":calls"), 400, "invalid_field"),
        ("{:token\u{1f}$unknown\u{1f}:form\u{1f}#9".into(), 401, "unknown_token"),
        (queue("", &many), 413, "too_many_events"),
    ] {
        let mut answer = server.client.post("/v2/calls", &body);
        let found = read_json(&mut answer);
        assert_eq!((answer.status().as_u16(), found["error"]["code"].as_str()), (status, Some(code)), "{body:.80}");
        let message = found["error"]["message"].as_str().unwrap();
        assert_eq!(body.contains("#3"), message.contains("upgrade the collector"), "{message}");
    }
    assert!(server.client.export("").is_empty());
}
