//! The event stream of the live view.

use std::io::{BufRead, BufReader, Lines};

use serde_json::{Value, json};
use tillroll_collector::store::Options;

use crate::server::{Running, basic, id, identify, view};

/// A listener that reads one message at a time.
struct Listener(Lines<BufReader<Box<dyn std::io::Read>>>);

impl Listener {
    fn new(server: &Running, query: &str, headers: &[(&str, &str)]) -> Self {
        let key = basic("t", "s");
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain([("authorization", key.as_str())]).collect();
        let answer = server.client.get(&format!("/live/events{query}"), &headers);
        assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "text/event-stream"));
        let reader: Box<dyn std::io::Read> = Box::new(answer.into_body().into_reader());
        let mut listener = Self(BufReader::new(reader).lines());
        assert_eq!(listener.next(), ("hello".into(), None, json!({"project": "t"})));
        listener
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
fn stored_events_are_shown_as_the_export_has_them() {
    let server = Running::start();
    let mut listener = Listener::new(&server, "", &[]);
    server.client.store(&[view(1, 1, "ab"), identify(2, 2, "ab", "a@x.com")]);
    for exported in server.client.export("") {
        let cursor = exported["cursor"].as_str().map(str::to_owned);
        assert_eq!(listener.next(), ("stored".into(), cursor, exported));
    }
}

#[test]
fn rejections_are_shown_with_their_reason() {
    let server = Running::start();
    let mut listener = Listener::new(&server, "", &[]);
    let mut event = view(1, 7, "ab");
    event["type"] = json!("nonsense");
    server.client.send(&[event, json!(1)]);
    let rejected = json!({"id": id(1), "type": "nonsense", "code": "unknown_type", "message": "`type` is not known: nonsense", "time": 7});
    assert_eq!(listener.next(), ("rejected".into(), None, rejected));
    let (name, _, data) = listener.next();
    assert_eq!((name.as_str(), &data["code"], &data["id"]), ("rejected", &json!("invalid_event"), &Value::Null));
}

#[test]
fn a_listener_is_shown_the_newest_again_and_what_it_missed() {
    let server = Running::start();
    server.client.store(&(1..=5).map(|number| view(number, number, "ab")).collect::<Vec<_>>());
    let export = server.client.export("");
    let mut newest = Listener::new(&server, "?last=2", &[]);
    assert_eq!([newest.next().2, newest.next().2], [export[3].clone(), export[4].clone()]);
    let mut missed = Listener::new(&server, "?last=1", &[("last-event-id", export[1]["cursor"].as_str().unwrap())]);
    assert_eq!([missed.next().2, missed.next().2, missed.next().2], [export[2].clone(), export[3].clone(), export[4].clone()]);
    let mut all = Listener::new(&server, "?last=1000", &[]);
    assert_eq!(all.next().2, export[0]);
}

#[test]
fn a_listener_that_does_not_read_holds_nothing_up() {
    let server = Running::start();
    let _silent = Listener::new(&server, "", &[]);
    let mut reading = Listener::new(&server, "", &[]);
    for batch in 0..40 {
        server.client.store(&(0..250).map(|at| view(batch * 250 + at, 1, "ab")).collect::<Vec<_>>());
        for _ in 0..250 {
            assert_eq!(reading.next().0, "stored");
        }
    }
}

#[test]
fn demo_opens_the_view_to_this_machine_only() {
    let server = Running::with(&["--project", "t:s", "--demo"], Options::default());
    let status = |host: &str| server.client.get("/live/events", &[("host", host)]).status().as_u16();
    for host in ["127.0.0.1:7070", "localhost:7070", "localhost", "shop.localhost:1", "[::1]:7070"] {
        assert_eq!(status(host), 200, "{host}");
    }
    for host in ["evil.example", "evil.example:7070", "localhost.evil.example", "10.0.0.1"] {
        assert_eq!(status(host), 401, "{host}");
    }
}

#[test]
fn what_a_back_end_is_refused_is_shown_too() {
    let server = Running::start();
    let mut listener = Listener::new(&server, "", &[]);
    let body = json!({"time": 1_600_000_000_000_u64, "token": "t", "batch": [{"id": "7"}]}).to_string();
    let digest = crate::backend::digest(&body, "s");
    assert_eq!(server.client.post_with("/v2/category/batch", &[("x-digest", &digest)], &body).status(), 200);
    let message = "`batch[0].name` must be a string, found nothing";
    let rejected = json!({"id": "7", "type": "category", "code": "missing_field", "message": message, "time": 1_600_000_000_000_u64});
    assert_eq!(listener.next(), ("rejected".into(), None, rejected));
    server.client.post("/product/view", r#"{"time":1600000000000,"token":"t","visitorId":"ab","params":{}}"#);
    let (name, _, rejected) = listener.next();
    assert_eq!((name.as_str(), &rejected["type"], &rejected["code"]), ("rejected", &json!("product_view"), &json!("missing_field")));
}
