//! The e-mail of a visitor, for any order of arrival.

use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::server::{TestServer, basic, identify, view};

fn emails(export: &[Value]) -> Vec<Option<&str>> {
    export.iter().map(|event| event["email"].as_str()).collect()
}

#[test]
fn earlier_events_of_a_visitor_get_the_email_too() {
    let server = TestServer::start();
    server.client.store(&[view(1, 10, "ab"), view(2, 20, "cd")]);
    assert_eq!(emails(&server.client.export("")), [None, None]);
    server.client.store(&[identify(3, 30, "ab", "A@x.com"), view(4, 40, "ab")]);
    assert_eq!(emails(&server.client.export("")), [Some("a@x.com"), None, Some("a@x.com"), Some("a@x.com")]);
}

#[test]
fn two_people_on_one_computer_stay_two() {
    let server = TestServer::start();
    server.client.store(&[
        identify(5, 50, "ab", "b@x.com"),
        view(6, 60, "ab"),
        view(1, 10, "ab"),
        identify(2, 20, "ab", "a@x.com"),
        view(3, 30, "ab"),
    ]);
    let expected: Vec<_> = [Some("b@x.com"), Some("b@x.com"), Some("a@x.com"), Some("a@x.com"), Some("a@x.com")].into();
    assert_eq!(emails(&server.client.export("")), expected);
}

#[test]
fn an_event_with_an_email_keeps_that_email() {
    let server = TestServer::start();
    let mut event = view(1, 10, "ab");
    event.as_object_mut().unwrap().remove("visitorId");
    event["visitorEmail"] = json!("a@x.com");
    server.client.store(&[event, identify(2, 5, "ab", "b@x.com")]);
    let export = server.client.export("");
    assert_eq!((&export[0]["email"], &export[0]["visitor_id"]), (&json!("a@x.com"), &Value::Null));
}

#[test]
fn visitor_id_that_is_an_email_address_is_the_address_at_every_endpoint() {
    let server = TestServer::start();
    let headless = json!({"scope": "view", "data": {}, "user": {"uid": "JO@x.com"}}).to_string();
    let call = json!({"token": "t", "time": 9, "visitorId": "jo@x.com", "params": {"id": "1"}}).to_string();
    server.client.store(&[view(1, 10, "Jo@x.com"), identify(2, 20, "jo@x.com", "other@x.com"), view(3, 30, "jo@x.com")]);
    for (path, body) in [("/api/track?token=t", headless), ("/category/view", call)] {
        assert_eq!(server.client.post(path, &body).status(), 200, "{path}");
    }
    let export = server.client.export("");
    assert_eq!(emails(&export), [Some("jo@x.com"); 5]);
    assert!(export.iter().all(|event| event["visitor_id"].is_null()));
    let secret = basic("t", "secret");
    assert_eq!(server.client.delete("/customers/jo@x.com", &[("authorization", &secret)]).status(), 200);
    assert_eq!(server.client.export(""), [] as [Value; 0]);
}

/// One event: a page view of a visitor, or an `identify` with an e-mail.
#[derive(Clone, Debug)]
struct Step {
    time: u64,
    visitor: u8,
    email: Option<u8>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..12_u64, 0..3_u8, prop::option::of(0..3_u8)).prop_map(|(time, visitor, email)| Step { time, visitor, email });
    prop::collection::vec(step, 1..24)
}

/// A plain implementation of the rule: the last link up to the event's time, or else the first one.
fn expected(steps: &[Step]) -> BTreeMap<u64, Option<String>> {
    let links = |visitor: u8| {
        let mut links: Vec<(u64, usize, u8)> = Vec::new();
        for (at, step) in steps.iter().enumerate().filter(|(_, step)| step.visitor == visitor) {
            links.extend(step.email.map(|email| (step.time, at, email)));
        }
        links.sort_unstable();
        links
    };
    let email = |step: &Step| {
        let links = links(step.visitor);
        let link = links.iter().rfind(|(time, ..)| *time <= step.time).or(links.first())?;
        Some(format!("{}@x.com", link.2))
    };
    steps.iter().enumerate().map(|(at, step)| (at as u64, email(step))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_order_of_arrival_does_not_matter(
        (steps, order) in steps().prop_flat_map(|steps| { let all: Vec<usize> = (0..steps.len()).collect(); (Just(steps), Just(all).prop_shuffle()) }),
        cuts in prop::collection::vec(1..5_usize, 1..24),
    ) {
        // All cases share one server; each has its own visitors and ids.
        static SERVER: std::sync::LazyLock<TestServer> = std::sync::LazyLock::new(TestServer::start);
        static CASE: AtomicU64 = AtomicU64::new(1);
        let case = CASE.fetch_add(1, Relaxed);
        let number = |at: usize| case * 1_000 + at as u64;
        let after = SERVER.client.export("").last().map_or(String::new(), |event| event["cursor"].as_str().unwrap().to_owned());
        let event = |at: usize| {
            let (step, visitor) = (&steps[at], format!("{case}-{}", steps[at].visitor));
            step.email.map_or_else(|| view(number(at), step.time, &visitor), |email| identify(number(at), step.time, &visitor, &format!("{email}@x.com")))
        };
        let mut rest = &order[..];
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            // Some events are sent twice, as by a page that got no response.
            SERVER.client.store(&now.iter().chain(now.first()).map(|&at| event(at)).collect::<Vec<_>>());
            rest = later;
            if rest.is_empty() { break; }
        }
        let mut found = BTreeMap::new();
        for event in SERVER.client.export(&format!("?after={after}")) {
            let number = u64::from_str_radix(&event["id"].as_str().unwrap()[24..], 16).unwrap() - case * 1_000;
            found.insert(number, event["email"].as_str().map(str::to_owned));
        }
        prop_assert_eq!(found, expected(&steps));
    }
}
