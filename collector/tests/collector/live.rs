//! The event stream of the live view.

use std::io::{BufRead, BufReader, Lines};

use serde_json::{Value, json};
use tillroll_collector::store::Options;

use crate::server::{EPOCH, TestServer, basic, id, identify, view};

/// A subscriber that reads one message at a time.
struct Subscriber(Lines<BufReader<Box<dyn std::io::Read>>>);

impl Subscriber {
    fn new(server: &TestServer, query: &str, headers: &[(&str, &str)]) -> Self {
        let key = basic("t", "secret");
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain([("authorization", key.as_str())]).collect();
        let answer = server.client.get(&format!("/live/events{query}"), &headers);
        assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "text/event-stream"));
        let reader: Box<dyn std::io::Read> = Box::new(answer.into_body().into_reader());
        let mut subscriber = Self(BufReader::new(reader).lines());
        assert_eq!(subscriber.next(), ("hello".into(), None, json!({"project": "t"})));
        subscriber
    }

    /// Returns the name, the id and the data of the next message.
    fn next(&mut self) -> (String, Option<String>, Value) {
        let (mut name, mut id, mut data) = (String::new(), None, Value::Null);
        for line in &mut self.0 {
            match line.unwrap().split_once(": ") {
                Some(("event", text)) => name = text.into(),
                Some(("id", text)) => id = Some(text.into()),
                Some(("data", text)) => data = serde_json::from_str(text).unwrap(),
                None if !name.is_empty() => break,
                _ => {}
            }
        }
        (name, id, data)
    }
}

#[test]
fn stored_event_is_sent_as_exported() {
    let server = TestServer::start();
    let mut subscriber = Subscriber::new(&server, "", &[]);
    server.client.store(&[view(1, 1, "ab"), identify(2, 2, "ab", "a@x.com")]);
    for exported in server.client.export("") {
        let cursor = exported["cursor"].as_str().map(str::to_owned);
        assert_eq!(subscriber.next(), ("stored".into(), cursor, exported));
    }
}

#[test]
fn rejection_is_sent_with_its_reason() {
    let server = TestServer::start();
    let mut subscriber = Subscriber::new(&server, "", &[]);
    let mut event = view(1, 7, "ab");
    event["type"] = json!("nonsense");
    server.client.send(&[event, json!(1)]);
    let rejection =
        json!({"id": id(1), "type": "nonsense", "code": "unknown_type", "message": "`type` is not known: nonsense", "time": EPOCH + 7});
    assert_eq!(subscriber.next(), ("rejected".into(), None, rejection));
    let (name, _, data) = subscriber.next();
    assert_eq!((name.as_str(), &data["code"], &data["id"]), ("rejected", &json!("invalid_event"), &Value::Null));
}

#[test]
fn subscriber_receives_the_newest_events_and_those_it_missed() {
    let server = TestServer::start();
    server.client.store(&(1..=5).map(|number| view(number, number, "ab")).collect::<Vec<_>>());
    let export = server.client.export("");
    let mut newest = Subscriber::new(&server, "?last=2", &[]);
    assert_eq!([newest.next().2, newest.next().2], [export[3].clone(), export[4].clone()]);
    let mut missed = Subscriber::new(&server, "?last=1", &[("last-event-id", export[1]["cursor"].as_str().unwrap())]);
    assert_eq!([missed.next().2, missed.next().2, missed.next().2], [export[2].clone(), export[3].clone(), export[4].clone()]);
    let mut all = Subscriber::new(&server, "?last=1000", &[]);
    assert_eq!(all.next().2, export[0]);
}

#[test]
fn subscriber_that_does_not_read_blocks_no_other() {
    let server = TestServer::start();
    let _stalled = Subscriber::new(&server, "", &[]);
    let mut reading = Subscriber::new(&server, "", &[]);
    for batch in 0..40 {
        server.client.store(&(0..250).map(|at| view(batch * 250 + at, 1, "ab")).collect::<Vec<_>>());
        for _ in 0..250 {
            assert_eq!(reading.next().0, "stored");
        }
    }
}

#[test]
fn demo_allows_local_hosts_only() {
    let server = TestServer::with(&["--project", "t:secret", "--demo"], Options::default());
    let status = |host: &str| server.client.get("/live/events", &[("host", host)]).status().as_u16();
    for host in ["127.0.0.1:7070", "localhost:7070", "localhost", "shop.localhost:1", "[::1]:7070"] {
        assert_eq!(status(host), 200, "{host}");
    }
    for host in ["evil.example", "evil.example:7070", "localhost.evil.example", "10.0.0.1"] {
        assert_eq!(status(host), 401, "{host}");
    }
}

#[test]
fn rejected_backend_record_is_sent() {
    let server = TestServer::start();
    let mut subscriber = Subscriber::new(&server, "", &[]);
    let body = json!({"time": 1_600_000_000_000_u64, "token": "t", "batch": [{"id": "7"}]}).to_string();
    let digest = crate::backend::digest(&body, "secret");
    assert_eq!(server.client.post_with("/v2/category/batch", &[("x-digest", &digest)], &body).status(), 200);
    let message = "`batch[0].name` must be a string, found nothing";
    let rejection = json!({"id": "7", "type": "category", "code": "missing_field", "message": message, "time": 1_600_000_000_000_u64});
    assert_eq!(subscriber.next(), ("rejected".into(), None, rejection));
    server.client.post("/product/view", r#"{"time":1600000000000,"token":"t","visitorId":"ab","params":{}}"#);
    let (name, _, rejection) = subscriber.next();
    assert_eq!((name.as_str(), &rejection["type"], &rejection["code"]), ("rejected", &json!("product_view"), &json!("missing_field")));
}
