//! An export that another collector imports: both give the same answers.

use serde_json::{Value, json};

use super::FLAGS;
use super::api_client::{decade, import, query};
use super::country_file;
use super::server::{Client, TestServer, basic, id};

/// 10 June 2021, 10:00 UTC, in milliseconds since 1970.
const TEN_OCLOCK_MS: u64 = 1_623_319_200_000;

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
const LAPTOP: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const ROBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// What the owner asks of both collectors.
fn answers(client: &Client) -> Vec<Value> {
    let breakdown = |resource: &str, by: &str, field: &str| {
        let body = json!({"breakdown": {"by": by, "field": field, "operator": "value_count", "limit": 50}});
        query(client, &format!("{resource}/breakdown"), &body)["data"].clone()
    };
    let search = |resource: &str, main: &str, date: &str, fields: &[&str]| {
        let mut dates = decade();
        dates["date_field"] = json!(date);
        let body = json!({"search": {"fields": fields, "sort_by": format!("{main}.{date}")}, "filter": {main: dates}});
        query(client, &format!("{resource}/search"), &body)["data"].clone()
    };
    let mut found: Vec<_> = ["device.type", "device.browser", "device.system", "country.code", "source.name"]
        .iter()
        .flat_map(|by| [breakdown("visits", by, "visit.id"), breakdown("events", by, "event.id")])
        .collect();
    found.push(breakdown("events", "event.is_bot", "event.id"));
    found.push(search(
        "visits",
        "visit",
        "started_at",
        &["visit.*", "source.*", "device.*", "country.code", "visitor.id", "customer.email"],
    ));
    found.push(search("orders", "order", "placed_at", &["order.id", "attribution.*", "attribution.first.*", "attribution.last.*"]));
    found.push(search("customers", "customer", "first_seen_at", &["customer.*", "first_source.*"]));
    found
}

/// Sends events of a visitor from an address: an arrival with a page view and more, each with its number.
fn browse(client: &Client, (agent, address): (&str, &str), visitor: &str, referrer: &str, more: &[(&str, Value)]) {
    let arrival = json!({"current_url": "https://shop.example/", "source_url": referrer});
    let first = [("land", arrival), ("page_view", json!({"url": "https://shop.example/"}))];
    let number = client.export("").len() as u64;
    let events: Vec<_> = (number..)
        .zip(first.iter().chain(more))
        .map(|(number, (kind, params))| {
            json!({"id": id(number), "type": kind, "api": "tillroll", "time": TEN_OCLOCK_MS + number * 60_000, "visitorId": visitor,
                "sessionId": format!("session-{visitor}"), "page": {"url": "https://shop.example/"}, "params": params})
        })
        .collect();
    let body = json!({"token": "t", "events": events}).to_string();
    let mut response = client.post_with("/v2/batch", &[("user-agent", agent), ("x-forwarded-for", address)], &body);
    assert_eq!(super::server::read_json(&mut response)["accepted"], json!(events.len()));
}

/// Returns the lines of an export.
fn exported(client: &Client, resource: &str) -> Vec<Value> {
    let mut response = client.get(&format!("/export/{resource}"), &[("authorization", &basic("t", "secret"))]);
    response.body_mut().read_to_string().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn imported_export_gives_the_same_answers_with_devices_and_countries() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("countries.mmdb");
    std::fs::write(&file, country_file::bytes(&[(([203, 0, 113, 0], 24), "BG"), (([198, 51, 100, 0], 24), "DE")])).unwrap();
    let flags = [FLAGS, &["--trust-proxy", "--geoip", file.to_str().unwrap()]].concat();
    let server = TestServer::with(&flags, Default::default());
    let client = &server.client;
    let gives_email = ("identify", json!({"email": "jo@x.com"}));
    let order = json!({"order_id": "1", "total": 40, "currency": "EUR", "lines": [{"product_id": "hat", "quantity": 2, "total": 40}]});
    browse(client, (PHONE, "203.0.113.1"), "phone", "https://www.google.com/", &[("search", json!({"query": "hat"})), gives_email.clone()]);
    browse(client, (LAPTOP, "198.51.100.1"), "laptop", "https://t.co/x", &[gives_email, ("order", order)]);
    browse(client, (ROBOT, "198.51.100.2"), "robot", "", &[]);
    browse(client, ("", "192.0.2.1"), "unknown", "", &[]);
    let events = exported(client, "events");
    assert_eq!(events[0]["device"], json!({"type": "mobile", "browser": "safari", "system": "ios"}));
    assert_eq!(events.iter().map(|event| event["country"].as_str().unwrap_or("")).collect::<Vec<_>>().concat(), "BGBGBGBGDEDEDEDEDEDE");

    let other = TestServer::with(FLAGS, Default::default());
    for resource in ["events", "customers", "products", "orders"] {
        let lines = exported(client, resource);
        assert_eq!(import(&other.client, resource, &lines)["accepted"], json!(lines.len()), "{resource}");
    }
    for (found, expected) in answers(&other.client).iter().zip(answers(client)) {
        assert_eq!(*found, expected);
    }
    assert_eq!(
        exported(&other.client, "events").iter().map(|event| &event["device"]).collect::<Vec<_>>(),
        events.iter().map(|event| &event["device"]).collect::<Vec<_>>()
    );
}

#[test]
fn event_with_an_unknown_device_or_country_is_rejected_with_the_field_and_the_known_names() {
    let server = TestServer::with(FLAGS, Default::default());
    let event = |more: Value| {
        let mut event = json!({"id": id(1), "type": "page_view", "api": "tillroll", "time": TEN_OCLOCK_MS, "visitor_id": "ab",
            "page": {"url": "https://shop.example/"}, "params": {"url": "https://shop.example/"}});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    for (more, message) in [
        (json!({"device": {"type": "watch"}}), "`device.type` must be one of desktop, mobile, tablet, tv"),
        (json!({"device": {"system": 7}}), "`device.system` must be one of windows, macos, ios, ipados, android, chromeos, linux, other"),
        (json!({"device": "phone"}), "`device` must be an object"),
        (json!({"country": "Germany"}), "`country` must be the two letters of a country, such as DE"),
    ] {
        let response = import(&server.client, "events", &[event(more)]);
        assert_eq!(response["rejected"][0], json!({"line": 1, "code": "invalid_field", "message": message}));
    }
    assert_eq!(import(&server.client, "events", &[event(json!({"device": null, "country": null}))])["accepted"], 1);
}
