//! The tags of customers: how many they have, how they are spelled, and that strangers take nothing from what a customer's own page sent.

use serde_json::{Value, json};
use ureq::Body;
use ureq::http::Response;

use crate::backend::digest;
use crate::server::{EPOCH, TestServer, basic, id, identify, read_json};

/// What is sent about the tags of a customer, each as its status and the code of its rejection.
type Answer = (u16, Option<String>);

fn answer(mut response: Response<Body>) -> Answer {
    let (status, body) = (response.status().as_u16(), read_json(&mut response));
    let code = body["error"]["code"].as_str().or(body["rejected"][0]["code"].as_str());
    (status, code.map(str::to_owned))
}

fn call(server: &TestServer, path: &str, is_signed: bool, params: &Value) -> Answer {
    let body = json!({"token": "t", "time": EPOCH + 5, "params": params}).to_string();
    let digest = digest(&body, "secret");
    let headers = [("x-digest", digest.as_str())];
    answer(server.client.post_with(path, if is_signed { &headers } else { &[] }, &body))
}

fn batch(server: &TestServer, record: &Value) -> Answer {
    let body = json!({"token": "t", "time": EPOCH + 5, "batch": [record]}).to_string();
    answer(server.client.post_with("/customer/batch", &[("x-digest", &digest(&body, "secret"))], &body))
}

fn owner(server: &TestServer, path: &str, body: &Value) -> Answer {
    answer(server.client.post_with(path, &[("authorization", &basic("t", "secret"))], &body.to_string()))
}

fn tags_of(server: &TestServer, email: &str) -> Vec<String> {
    let customers = server.client.list_of("t", "secret", "customers");
    let customer = customers.into_iter().find(|customer| customer["email"] == email).unwrap();
    serde_json::from_value(customer["tags"].clone()).unwrap()
}

fn many(name: &str, count: usize, bytes: usize) -> Vec<String> {
    (0..count).map(|number| format!("{name}{number:04}{}", "x".repeat(bytes))).collect()
}

fn customer(email: &str, tags: &[String]) -> Value {
    json!({"email": email, "createdAt": EPOCH, "tags": tags})
}

const ACCEPTED: Answer = (200, None);

fn refused(status: u16) -> Answer {
    (status, Some("too_many_tags".to_owned()))
}

#[test]
fn customer_has_a_bounded_number_of_tags_of_each_sender() {
    let server = TestServer::start();
    let one = vec!["one".to_owned()];
    // What strangers add takes nothing from the owner.
    assert_eq!(call(&server, "/customer", false, &customer("a@x.com", &many("u", 1_000, 0))), ACCEPTED);
    assert_eq!(call(&server, "/customer", false, &customer("a@x.com", &one)), refused(400));
    assert_eq!(call(&server, "/customer", false, &customer("a@x.com", &many("u", 1_000, 0))), ACCEPTED, "the same ones");
    assert_eq!(call(&server, "/customer", false, &customer("b@x.com", &many("u", 2, 8_000))), ACCEPTED);
    let named = json!({"email": "b@x.com", "createdAt": EPOCH, "firstName": "Bo", "tags": many("v", 3, 8_000)});
    assert_eq!(call(&server, "/customer", false, &named), refused(400), "bytes");
    // Without a secret it cannot make room, so its other fields are stored.
    let customers = server.client.list_of("t", "secret", "customers");
    assert_eq!(customers.iter().find(|customer| customer["email"] == "b@x.com").unwrap()["firstName"], "Bo");
    assert_eq!(tags_of(&server, "b@x.com").len(), 2);
    assert_eq!(call(&server, "/customer/tag", true, &customer("a@x.com", &many("s", 999, 100))), ACCEPTED);
    assert_eq!(owner(&server, "/customers/a@x.com/tags", &json!({"tags": one})), ACCEPTED);
    let two = customer("a@x.com", &["two".to_owned()]);
    assert_eq!(call(&server, "/customer", true, &two), refused(400));
    assert_eq!(call(&server, "/customer/tag", true, &two), refused(400));
    assert_eq!(batch(&server, &two), refused(200));
    assert_eq!(owner(&server, "/customers/a@x.com/tags", &json!({"tags": ["two"]})), refused(400));
    assert_eq!(owner(&server, "/import/customers", &two), refused(200));
    assert_eq!(tags_of(&server, "a@x.com").len(), 2_000);
    // Other fields, and fewer tags, are always accepted.
    assert_eq!(call(&server, "/customer", true, &json!({"email": "a@x.com", "createdAt": EPOCH, "firstName": "Jo"})), ACCEPTED);
    assert_eq!(call(&server, "/customer/untag", true, &customer("a@x.com", &many("s", 1, 100))), ACCEPTED);
    assert_eq!(call(&server, "/customer/tag", true, &two), ACCEPTED);
    assert_eq!(tags_of(&server, "a@x.com").len(), 2_000);
}

#[test]
fn customer_with_more_tags_than_the_limit_keeps_them() {
    let server = TestServer::start();
    assert_eq!(call(&server, "/customer", true, &customer("a@x.com", &many("s", 1_000, 0))), ACCEPTED);
    let database = server.database();
    let more: String = (0..500).map(|number| format!(r#","tags\u001fold{number}\u001f":[2,1,"old{number}"]"#)).collect();
    let update = "UPDATE customer SET backend_fields = substr(backend_fields, 1, length(backend_fields) - 1) || ?1 || '}'";
    assert_eq!(database.execute(update, [more]).unwrap(), 1);
    assert_eq!(call(&server, "/customer/tag", true, &customer("a@x.com", &["new".to_owned()])), refused(400));
    assert_eq!(call(&server, "/customer/tag", true, &customer("a@x.com", &["old7".to_owned()])), ACCEPTED);
    assert_eq!(call(&server, "/customer/untag", true, &customer("a@x.com", &["old8".to_owned()])), ACCEPTED);
    assert_eq!(tags_of(&server, "a@x.com").len(), 1_499);
}

#[test]
fn removed_tags_are_bounded() {
    let server = TestServer::start();
    for round in 0..3 {
        assert_eq!(call(&server, "/customer/untag", true, &customer("a@x.com", &many(&format!("r{round}"), 1_000, 100))), ACCEPTED);
    }
    let bytes = "SELECT octet_length(backend_fields) FROM customer";
    let bytes: i64 = server.database().query_row(bytes, [], |row| row.get(0)).unwrap();
    assert!(bytes < 200_000, "{bytes}");
}

fn tag_event(number: u64, time: u64, (name, visitor): (&str, &str), tags: &[String]) -> Value {
    json!({"id": id(number), "type": "tag", "api": "metrilo", "time": EPOCH + time, name: visitor, "params": {"tags": tags}})
}

#[test]
fn tag_of_a_page_is_removed_by_the_same_text_whatever_surrounds_it() {
    let server = TestServer::start();
    let blank = ["\u{a0}", "\u{3000}", "\u{85}", "\u{2028}", "\u{2029}", "\u{1680}", "\u{0}", "\u{1f}", "\u{7f}"];
    let texts: Vec<String> = blank.iter().flat_map(|blank| [format!("{blank}vip"), format!("VIP{blank}"), (*blank).to_owned()]).collect();
    server.client.store(&[identify(1, 1_000, "browser", "a@x.com"), tag_event(2, 2_000, ("visitorId", "browser"), &texts)]);
    assert_eq!(tags_of(&server, "a@x.com").len(), 1);
    assert_eq!(call(&server, "/customer/untag", true, &customer("a@x.com", &[texts[0].clone()])), ACCEPTED);
    assert_eq!(tags_of(&server, "a@x.com"), [""; 0]);
    let unsigned = json!({"email": "b@x.com", "createdAt": EPOCH, "firstName": "\u{1f}", "tags": texts});
    assert_eq!(call(&server, "/customer", false, &unsigned), ACCEPTED);
    assert_eq!(tags_of(&server, "b@x.com").len(), 1);
    let customers = server.client.list_of("t", "secret", "customers");
    assert!(customers.iter().all(|customer| customer["firstName"].is_null()), "{customers:?}");
}

#[test]
fn events_that_name_an_email_take_nothing_from_those_of_its_visitor() {
    let details = |number: u64, time: u64, params: Value| json!({"id": id(number), "type": "customer_details", "api": "metrilo", "time": EPOCH + time, "visitorId": "browser", "params": params});
    let own = [
        identify(1, 5_000, "browser", "a@x.com"),
        details(2, 6_000, json!({"first_name": "Jo"})),
        details(3, 6_500, json!({"subscribed": false})),
        tag_event(4, 7_000, ("visitorId", "browser"), &["real".to_owned()]),
    ];
    let stranger = ("visitorEmail", "a@x.com");
    let other = ("visitorId", "other");
    for (title, foreign) in [
        ("bytes of events", [1, 2, 3].map(|number| tag_event(10 + number, 1_000, stranger, &many("t", 8, 7_500))).to_vec()),
        ("bytes of tags", vec![tag_event(10, 1_000, stranger, &many("t", 600, 50))]),
        ("newer events", vec![tag_event(10, 9_000, stranger, &many("t", 600, 50))]),
        ("a visitor", vec![identify(9, 8_000, "other", "a@x.com"), tag_event(10, 8_100, other, &many("t", 600, 50))]),
        ("a visitor with older events", vec![identify(9, 8_000, "other", "a@x.com"), tag_event(10, 1_000, other, &many("t", 600, 50))]),
        ("a visitor with an older link", vec![identify(9, 1_000, "other", "a@x.com"), tag_event(10, 1_100, other, &many("t", 8, 7_500))]),
    ] {
        // Of visitors the one counts that was linked first.
        let may_be_first = foreign[0]["type"] == "tag";
        for is_first in [may_be_first, false] {
            let server = TestServer::start();
            let (first, second) = if is_first { (&foreign[..], &own[..]) } else { (&own[..], &foreign[..]) };
            server.client.store(first);
            server.client.store(second);
            let customers = server.client.list_of("t", "secret", "customers");
            let found = (&customers[0]["firstName"], &customers[0]["subscribed"]);
            assert_eq!(found, (&json!("Jo"), &json!(false)), "{title} {is_first}");
            assert!(tags_of(&server, "a@x.com").contains(&"real".to_owned()), "{title} {is_first}");
        }
    }
}
