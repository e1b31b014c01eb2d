//! Addresses of pages: what is removed from them at every way in which an event arrives, and the settings.

use serde_json::json;
use tillroll_collector::store::Options;

use crate::server::{EPOCH, TestServer, basic, id, read_json};

const SECRET: &str = "https://jo:pw@shop.test/a?token=s3cret&q=hat&mail=jo%40x.com#access_token=s3cret";
const CLEAN: &str = "https://shop.test/a?q=hat";

#[test]
fn secrets_are_removed_at_every_entrance() {
    let server = TestServer::start();
    let owner = [("authorization", &*basic("t", "secret"))];
    let page = json!({"url": SECRET, "referrer": SECRET});
    let event = |number: u64, kind: &str, params| json!({"id": id(number), "type": kind, "api": "ometria", "time": EPOCH, "visitorId": "ab", "page": page, "params": params});
    server.client.store(&[
        event(1, "land", json!({"current_url": SECRET, "source_url": SECRET})),
        event(2, "page_view", json!({})),
        event(3, "page_view", json!({"url": SECRET})),
        event(4, "search", json!({"query": "q", "url": SECRET})),
        event(5, "article_view", json!({"id": "1", "url": SECRET})),
        event(6, "basket_update", json!({"url": SECRET, "lines": []})),
    ]);
    let calls = {
        let texts = [("type", "page_view"), ("seed", &*"01".repeat(21)), ("api", "metrilo"), ("url", SECRET), ("referrer", SECRET)];
        let members: String = texts.iter().map(|(name, text)| format!(":{name}\u{1f}${text}\u{1f}")).collect();
        format!("{{:token\u{1f}$t\u{1f}:visitor\u{1f}$5f2\u{1f}:calls\u{1f}[{{:time\u{1f}#{EPOCH}\u{1f}{members}:params\u{1f}{{}}}}]}}")
    };
    assert_eq!(server.client.post("/v2/calls", &calls).status(), 200);
    let envelope = |params| json!({"token": "t", "time": EPOCH, "visitorId": "ab", "params": params}).to_string();
    assert_eq!(server.client.post("/page/view", &envelope(json!({"url": SECRET}))).status(), 200);
    assert_eq!(server.client.post("/page/land", &envelope(json!({"currentUrl": SECRET, "sourceUrl": SECRET}))).status(), 200);
    let track = json!({"scope": "view", "data": {}, "user": {"uid": "u"}, "context": {"page_url": SECRET}}).to_string();
    assert_eq!(server.client.post("/api/track?token=t", &track).status(), 200);
    let line = json!({"id": id(9), "type": "page_view", "api": "tillroll", "time": 5, "visitor_id": "ab", "page": page, "params": {"url": SECRET}}).to_string();
    assert_eq!(server.client.post_with("/import/events", &owner, &line).status(), 200);
    let events = server.client.export("");
    assert_eq!(events.len(), 12);
    for event in events {
        let text = event.to_string();
        assert!(text.contains(CLEAN) && !text.contains("s3cret") && !text.contains("x.com"), "{text}");
    }
}

#[test]
fn settings_change_the_list_for_the_server_or_one_project() {
    let flags =
        ["--project", "t:secret,u:secret", "--keep-query", "key", "--drop-query", "u=gift,ref*", "--ignore-referrers", "pay.example"];
    let server = TestServer::with(&flags, Options::default());
    for (number, token, expected) in [(1, "t", "/?key=1&gift=2"), (2, "u", "/?key=1")] {
        let source = "https://www.pay.example/done";
        let event = json!({"id": id(number), "type": "land", "api": "tillroll", "time": EPOCH, "visitorId": "ab",
            "page": {"url": "/?key=1&gift=2&refid=3&token=4", "referrer": source}, "params": {"source_url": source}});
        let response = read_json(&mut server.client.post("/v2/batch", &json!({"token": token, "events": [event]}).to_string()));
        assert_eq!(response["accepted"], 1);
        let event = server.client.export_of(token, "").pop().unwrap();
        assert_eq!((&event["page"]["url"], &event["params"]["current_url"]), (&json!(expected), &json!(expected)));
        assert_eq!((&event["params"]["source_url"], &event["page"]["referrer"]), (&json!(""), &json!(source)));
    }
}
