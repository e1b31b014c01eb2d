//! Events, visits, customers and attribution, from events as pages send them.

use serde_json::{Value, json};

use super::FLAGS;
use super::api_client::{query, query_with, send, token};
use super::country_file;
use super::server::{Client, TestServer, basic, id};
use super::tracked_data::call_backend;

/// 10 June 2021, 10:00 UTC, in milliseconds since 1970.
pub(crate) const TEN_OCLOCK_MS: u64 = 1_623_319_200_000;
pub(crate) const MINUTE_MS: u64 = 60_000;
pub(crate) const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
pub(crate) const LAPTOP: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const ROBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// An event of a session, `time` after ten o'clock; the URL is that of its page.
pub(crate) fn event(number: u64, time: u64, visitor: &str, session: &str, kind: &str, url: &str, params: &Value) -> Value {
    json!({"id": id(number), "type": kind, "api": "tillroll", "time": TEN_OCLOCK_MS + time, "visitorId": visitor, "sessionId": session,
        "page": {"url": format!("https://shop.example{url}"), "title": format!("Page {url}")}, "params": params})
}

pub(crate) fn land(number: u64, time: u64, visitor: &str, session: &str, url: &str, referrer: &str) -> Value {
    let params = json!({"current_url": format!("https://shop.example{url}"), "source_url": referrer});
    event(number, time, visitor, session, "land", url, &params)
}

pub(crate) fn view(number: u64, time: u64, visitor: &str, session: &str, url: &str) -> Value {
    event(number, time, visitor, session, "page_view", url, &json!({"url": format!("https://shop.example{url}")}))
}

/// Sends events from a browser, all of which must be stored.
pub(crate) fn browse(client: &Client, user_agent: &str, events: &[Value]) {
    let body = json!({"token": "t", "events": events}).to_string();
    let mut response = client.post_with("/v2/batch", &[("user-agent", user_agent)], &body);
    let response = super::server::read_json(&mut response);
    assert_eq!(response["accepted"], json!(events.len()), "{response}");
}

/// Sends a page view of its own visit from an address.
fn browse_from(client: &Client, address: &str, number: u64) {
    let session = format!("s{number}");
    let event = view(number, number * MINUTE_MS, &format!("v{number}"), &session, "/");
    let body = json!({"token": "t", "events": [event]}).to_string();
    let mut response = client.post_with("/v2/batch", &[("user-agent", LAPTOP), ("x-forwarded-for", address)], &body);
    assert_eq!(super::server::read_json(&mut response)["accepted"], 1);
}

pub(crate) fn june() -> Value {
    json!({"date_from": "2021-06-01T00:00:00Z", "date_to": "2021-06-30T23:59:59Z"})
}

pub(crate) fn search(client: &Client, resource: &str, main: &str, date: &str, fields: &[&str]) -> Vec<Value> {
    let mut dates = june();
    dates["date_field"] = json!(date);
    let body = json!({"search": {"fields": fields, "sort": "asc", "sort_by": format!("{main}.{date}")}, "filter": {main: dates}});
    query(client, &format!("{resource}/search"), &body)["data"].as_array().unwrap().clone()
}

fn visits(client: &Client) -> Vec<Value> {
    search(client, "visits", "visit", "started_at", &["visit.*", "source.*", "device.*", "visitor.id", "customer.email", "market.*"])
}

/// A visitor comes by an advertisement on a phone, again by mail on a laptop, identifies there, and orders through the back end.
fn store_two_devices(client: &Client) {
    browse(
        client,
        PHONE,
        &[
            land(1, 0, "phone", "s1", "/?gclid=x&utm_campaign=Spring", "https://www.google.com/"),
            view(2, 1_000, "phone", "s1", "/"),
            event(3, MINUTE_MS, "phone", "s1", "product_view", "/hat", &json!({"product_id": "hat"})),
            event(4, 2 * MINUTE_MS, "phone", "s1", "basket_add", "/hat", &json!({"product_id": "hat", "quantity": 2})),
        ],
    );
    browse(
        client,
        LAPTOP,
        &[
            land(11, 3 * DAY_MS, "laptop", "s2", "/sale", "https://mail.google.com/mail"),
            view(12, 3 * DAY_MS + 1_000, "laptop", "s2", "/sale"),
            event(13, 3 * DAY_MS + 2_000, "laptop", "s2", "identify", "/sale", &json!({"email": "jo@x.com"})),
        ],
    );
    let order = json!({"id": "o1", "createdAt": TEN_OCLOCK_MS + 3 * DAY_MS + 5 * MINUTE_MS, "email": "jo@x.com", "amount": 50, "status": "paid",
        "products": [{"productId": "hat", "quantity": 2}]});
    call_backend(client, "/v2/order", TEN_OCLOCK_MS + 4 * DAY_MS, &order);
}

#[test]
fn visits_have_their_source_device_and_figures() {
    let server = TestServer::with(FLAGS, Default::default());
    store_two_devices(&server.client);
    browse(&server.client, ROBOT, &[land(21, 5, "robot", "s9", "/", "")]);
    let found = visits(&server.client);
    let expected = json!([
        {"id": "s1", "started_at": "2021-06-10T10:00:00.000Z", "ended_at": "2021-06-10T10:02:00.000Z", "duration_seconds": 120, "events_count": 4,
            "pages_count": 2, "products_count": 1, "is_bounce": false, "is_first": true, "entry_path": "/", "exit_path": "/hat",
            "viewed_product": true, "added_to_cart": true, "checked_out": false, "ordered": false, "orders_count": 0,
            "source": {"channel": "paid", "name": "google", "campaign": "spring", "click_id": "gclid"},
            "device": {"type": "mobile", "browser": "safari", "system": "ios"}, "visitor": {"id": "phone"},
            "market": {"id": "t", "name": "t", "number": "t"}},
        {"id": "s2", "started_at": "2021-06-13T10:00:00.000Z", "ended_at": "2021-06-13T10:00:02.000Z", "duration_seconds": 2, "events_count": 3,
            "pages_count": 1, "products_count": 0, "is_bounce": false, "is_first": true, "entry_path": "/sale", "exit_path": "/sale",
            "viewed_product": false, "added_to_cart": false, "checked_out": false, "ordered": true, "orders_count": 1, "revenue": 50.0,
            "source": {"channel": "email", "name": "gmail"}, "device": {"type": "desktop", "browser": "chrome", "system": "windows"},
            "visitor": {"id": "laptop"}, "customer": {"email": "jo@x.com"}, "market": {"id": "t", "name": "t", "number": "t"}},
    ]);
    assert_eq!(json!(found), expected);
}

#[test]
fn visit_of_ten_thousand_events_takes_in_no_further_ones() {
    let server = TestServer::with(FLAGS, Default::default());
    let send = |numbers: std::ops::Range<u64>| {
        browse(&server.client, LAPTOP, &numbers.map(|number| view(number, number, "script", "s1", "/")).collect::<Vec<_>>());
    };
    let figures = || -> Vec<Value> { visits(&server.client).iter().map(|visit| visit["events_count"].clone()).collect() };
    (0..20).for_each(|batch| send(batch * 500..(batch + 1) * 500));
    assert_eq!(figures(), [10_000]);
    send(10_000..10_500);
    assert_eq!(figures(), [10_000]);
    let all = json!({"stats": {"field": "event.id", "operator": "value_count"}, "filter": {"event": june()}});
    assert_eq!(query(&server.client, "events/stats", &all)["data"]["value"], 10_500);
}

#[test]
fn visits_have_the_country_of_their_address_and_the_address_is_stored_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("countries.mmdb");
    std::fs::write(&file, country_file::bytes(&[(([203, 0, 113, 0], 24), "BG"), (([198, 51, 100, 128], 25), "DE")])).unwrap();
    let flags = [FLAGS, &["--trust-proxy", "--geoip", file.to_str().unwrap()]].concat();
    let server = TestServer::with(&flags, Default::default());
    let client = &server.client;
    for (number, address) in (1..).zip(["203.0.113.77", "198.51.100.200", "198.51.100.1", "2001:db8::1", "not an address"]) {
        browse_from(client, address, number);
    }
    let codes = |resource: &str, field: &str| {
        let body = json!({"breakdown": {"by": "country.code", "field": field, "operator": "value_count", "limit": 9}});
        query(client, &format!("{resource}/breakdown"), &body)["data"]["country.code"].clone()
    };
    let expected = json!([{"label": "BG", "value": 1}, {"label": "DE", "value": 1}]);
    assert_eq!(codes("visits", "visit.id"), expected);
    assert_eq!(codes("events", "event.id"), expected);
    for entry in std::fs::read_dir(server.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        assert!(!bytes.windows(12).any(|bytes| bytes == b"203.0.113.77"), "{}", path.display());
    }
}

#[test]
fn events_show_their_page_visit_and_person_and_robots_are_in_no_visit() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    call_backend(client, "/v2/product", TEN_OCLOCK_MS, &json!({"id": "hat", "name": "Red hat", "price": 25, "categories": ["hats"]}));
    store_two_devices(client);
    browse(client, ROBOT, &[view(21, 5, "robot", "s9", "/")]);
    let by = |by: &str, filter: Value| {
        let mut body =
            json!({"breakdown": {"by": by, "field": "event.id", "operator": "value_count", "limit": 50}, "filter": {"event": june()}});
        for (group, conditions) in filter.as_object().unwrap() {
            for (name, condition) in conditions.as_object().unwrap() {
                body["filter"][group][name] = condition.clone();
            }
        }
        let data = query(client, "events/breakdown", &body)["data"][by].clone();
        data.as_array()
            .unwrap()
            .iter()
            .map(|bucket| (bucket["label"].as_str().unwrap().to_owned(), bucket["value"].as_u64().unwrap()))
            .collect::<Vec<_>>()
    };
    let count = |label: &str, value| (label.to_owned(), value);
    assert_eq!(by("event.is_bot", json!({})), [count("false", 7), count("true", 1)]);
    assert_eq!(by("visit.id", json!({})), [count("s1", 4), count("s2", 3)]);
    assert_eq!(by("product.name", json!({})), [count("Red hat", 2)]);
    assert_eq!(by("product.category", json!({"event": {"types": {"in": ["basket_add"]}}})), [count("hats", 1)]);
    assert_eq!(by("page.path", json!({"source": {"channels": {"in": ["email"]}}})), [count("/sale", 3)]);
    assert_eq!(by("customer.email", json!({})), [count("jo@x.com", 3)]);
    let found = search(client, "events", "event", "time", &["event.*", "page.*", "product.*", "visitor.id"]);
    let expected = json!({"id": id(4), "type": "basket_add", "api": "tillroll", "time": "2021-06-10T10:02:00.000Z", "quantity": 2, "is_bot": false,
        "page": {"host": "shop.example", "path": "/hat", "title": "Page /hat"}, "product": {"id": "hat", "name": "Red hat", "category": "hats"},
        "visitor": {"id": "phone"}});
    let mut last = found[4].clone();
    last.as_object_mut().unwrap().remove("received_at");
    assert_eq!(last, expected);
}

#[test]
fn event_that_names_an_option_has_the_name_and_category_of_its_product() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let product = |time: u64, id: &str, name: &str, options: &[&str]| {
        let options: Vec<_> = options.iter().map(|id| json!({"id": id, "name": id, "price": 1})).collect();
        let product = json!({"id": id, "name": name, "price": 1, "categories": [format!("{id}s")], "options": options});
        call_backend(client, "/v2/product", TEN_OCLOCK_MS + time, &product);
    };
    let added = |number: u64, id: &str| event(number, number, "v", "s1", "basket_add", "/", &json!({"product_id": id, "quantity": 1}));
    browse(client, LAPTOP, &[added(1, "hat"), added(2, "hat-l"), added(3, "cap"), added(4, "none")]);
    let names = || {
        let shown = search(client, "events", "event", "time", &["product.name", "product.category"]);
        shown.iter().map(|event| format!("{} {}", event["product"]["name"], event["product"]["category"])).collect::<Vec<_>>()
    };
    // An option belongs to the product with the first id, and a product has its own name even if another one has an option with its id.
    product(0, "zat", "Zat", &["hat-l", "cap"]);
    assert_eq!(names(), ["null null", r#""Zat" "zats""#, r#""Zat" "zats""#, "null null"]);
    product(1, "hat", "Hat", &["hat-l", "hat"]);
    product(2, "cap", "Cap", &[]);
    let expected = [r#""Hat" "hats""#, r#""Hat" "hats""#, r#""Cap" "caps""#, "null null"];
    assert_eq!(names(), expected);
    product(3, "zat", "Zat again", &["hat-l", "cap"]);
    assert_eq!(names(), expected);
    product(4, "hat", "New hat", &["hat-l", "hat"]);
    assert_eq!(names()[..2], [r#""New hat" "hats""#, r#""New hat" "hats""#]);
}

#[test]
fn order_of_the_back_end_has_the_first_and_last_touch_of_all_devices_once_they_are_one_person() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    store_two_devices(client);
    let attribution =
        || search(client, "orders", "order", "placed_at", &["attribution.*", "attribution.first.*", "attribution.last.*"])[0].clone();
    let mail = json!({"channel": "email", "name": "gmail"});
    let alone = json!({"id": "o1", "attribution": {"first": mail, "last": mail, "visits_count": 1, "days_to_order": 0}});
    assert_eq!(attribution(), alone);
    // The phone identifies later: nothing is written again, and the order has both visits.
    browse(client, PHONE, &[event(31, 4 * DAY_MS, "phone", "s3", "identify", "/", &json!({"email": "jo@x.com"}))]);
    let ad = json!({"channel": "paid", "name": "google", "campaign": "spring", "click_id": "gclid"});
    let merged = json!({"id": "o1", "attribution": {"first": ad, "last": mail, "visits_count": 2, "days_to_order": 3}});
    assert_eq!(attribution(), merged);
    // A late event of an earlier visit changes the first touch.
    browse(client, LAPTOP, &[land(41, 0, "laptop", "s0", "/", "https://www.bing.com/")]);
    let body = json!({"breakdown": {"by": "attribution.first.channel", "field": "order.id", "operator": "value_count"}, "filter": {"order": june()}});
    assert_eq!(query(client, "orders/breakdown", &body)["data"], json!({"attribution.first.channel": [{"label": "paid", "value": 1}]}));
    browse(client, LAPTOP, &[land(42, 0, "laptop", "s00", "/", "https://t.co/x")]);
    // A person is one visitor.
    let visitors = json!({"stats": {"field": "visitor.id", "operator": "cardinality"}, "filter": {"visit": june()}});
    assert_eq!(query(client, "visits/stats", &visitors)["data"]["value"], 1);
}

#[test]
fn corrected_order_changes_the_revenue_of_its_visit_and_an_order_of_another_customer_leaves_it() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    store_two_devices(client);
    let revenue = || visits(client).iter().map(|visit| visit["revenue"].clone()).collect::<Vec<_>>();
    let correct = |days: u64, email: &str, amount: u64| {
        let placed_at = TEN_OCLOCK_MS + 3 * DAY_MS + 5 * MINUTE_MS;
        let order = json!({"id": "o1", "createdAt": placed_at, "email": email, "amount": amount, "status": "paid",
            "products": [{"productId": "hat", "quantity": 2}]});
        call_backend(client, "/v2/order", TEN_OCLOCK_MS + days * DAY_MS, &order);
    };
    assert_eq!(revenue(), [json!(null), json!(50.0)]);
    correct(5, "jo@x.com", 60);
    assert_eq!(revenue(), [json!(null), json!(60.0)]);
    correct(6, "other@x.com", 60);
    assert_eq!(revenue(), [json!(null), json!(null)]);
}

#[test]
fn customers_have_the_figures_of_all_their_visits_orders_and_carts() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    store_two_devices(client);
    let customer = json!({"email": "jo@x.com", "createdAt": TEN_OCLOCK_MS, "firstName": "Jo", "tags": ["vip", "new"]});
    call_backend(client, "/v2/customer", TEN_OCLOCK_MS + DAY_MS, &customer);
    let found = search(client, "customers", "customer", "created_at", &["customer.*", "first_source.*"]);
    let expected = json!([{"id": "jo@x.com", "email": "jo@x.com", "first_name": "Jo", "tags": ["new", "vip"], "created_at": "2021-06-10T10:00:00.000Z",
        "first_seen_at": "2021-06-10T10:00:00.000Z", "last_seen_at": "2021-06-13T10:05:00.000Z", "visits_count": 1, "orders_count": 1,
        "returns_count": 0, "revenue": 50.0, "average_order": 50.0, "first_order_at": "2021-06-13T10:05:00.000Z",
        "last_order_at": "2021-06-13T10:05:00.000Z", "cohort": "2021-06", "has_cart": false, "segment": "new",
        "first_source": {"channel": "email", "name": "gmail"}}]);
    assert_eq!(json!(found), expected);
    let tags =
        json!({"breakdown": {"by": "customer.tags", "field": "customer.email", "operator": "value_count"}, "filter": {"customer": june()}});
    let buckets = json!([{"label": "new", "value": 1}, {"label": "vip", "value": 1}]);
    assert_eq!(query(client, "customers/breakdown", &tags)["data"]["customer.tags"], buckets);
    for (tag, count) in [("vip", 1), ("other", 0)] {
        let mut filter = june();
        filter["tags"] = json!({"in": [tag]});
        let body = json!({"stats": {"field": "customer.email", "operator": "value_count"}, "filter": {"customer": filter}});
        assert_eq!(query(client, "customers/stats", &body)["data"]["value"], count, "{tag}");
    }
}

#[test]
fn customer_is_found_by_a_name_whose_lower_case_is_longer() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    for (email, name) in [("ipek@x.com", "İpek"), ("anna@x.com", "Änne")] {
        call_backend(client, "/v2/customer", TEN_OCLOCK_MS, &json!({"email": email, "createdAt": TEN_OCLOCK_MS, "firstName": name}));
        let mut filter = june();
        filter["aggregated_details"] = json!({"query": name});
        let body = json!({"search": {"fields": ["customer.first_name"]}, "filter": {"customer": filter}});
        assert_eq!(query(client, "customers/search", &body)["data"], json!([{"id": email, "first_name": name}]));
    }
}

#[test]
fn erased_person_leaves_no_visit_and_other_visitors_keep_theirs() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    store_two_devices(client);
    browse(client, LAPTOP, &[land(51, 0, "other", "s5", "/", "")]);
    let (status, response) = send(client, "DELETE", "/customers/jo@x.com", &[("authorization", &basic("t", "secret"))], "");
    assert_eq!(status, 200, "{response}");
    let ids = |found: Vec<Value>| found.iter().map(|visit| visit["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(visits(client)), ["s1", "s5"]);
    assert_eq!(search(client, "customers", "customer", "created_at", &["customer.email"]), Vec::<Value>::new());
}

#[test]
fn revenue_of_several_currencies_is_refused_unless_filtered_or_grouped() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    for (number, currency) in [(1, "EUR"), (3, "USD")] {
        let (visitor, session) = (format!("v{number}"), format!("s{number}"));
        let order = json!({"order_id": number.to_string(), "total": 10 * number, "currency": currency});
        browse(
            client,
            LAPTOP,
            &[land(number, 0, &visitor, &session, "/", ""), event(number + 1, 1_000, &visitor, &session, "order", "/thanks", &order)],
        );
    }
    let sum = |filter: Value| {
        let mut dates = june();
        dates.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
        let body = json!({"stats": {"field": "visit.revenue", "operator": "sum"}, "filter": {"visit": dates}});
        query_with(client, &token(client, ""), "visits/stats", &body)
    };
    let (status, error) = sum(json!({}));
    assert_eq!(status, 422);
    assert!(error["error"]["meta"]["errors"][0]["stats"][0]["field"].is_array(), "{error}");
    assert_eq!(sum(json!({"currency_codes": {"in": ["USD"]}})).1["data"]["value"], 30.0);
    let grouped =
        json!({"breakdown": {"by": "visit.currency_code", "field": "visit.revenue", "operator": "sum"}, "filter": {"visit": june()}});
    let buckets = json!([{"label": "USD", "value": 30.0}, {"label": "EUR", "value": 10.0}]);
    assert_eq!(query(client, "visits/breakdown", &grouped)["data"]["visit.currency_code"], buckets);
    // Currencies within a channel do not keep the sum of the channel from adding them.
    let inner = json!({"by": "visit.currency_code", "field": "visit.revenue", "operator": "sum"});
    let nested = |field: &str, operator: &str| {
        let body = json!({"breakdown": {"by": "source.channel", "field": field, "operator": operator, "breakdown": inner}, "filter": {"visit": june()}});
        query_with(client, &token(client, ""), "visits/breakdown", &body)
    };
    assert_eq!(nested("visit.revenue", "sum").0, 422);
    let (status, counted) = nested("visit.id", "value_count");
    assert_eq!((status, &counted["data"]["source.channel"][0]["visit.currency_code"]), (200, &buckets));
    let count = json!({"stats": {"field": "visit.id", "operator": "value_count"}, "filter": {"visit": june()}});
    assert_eq!(query(client, "visits/stats", &count)["data"]["value"], 2);
}

#[test]
fn intervals_and_dates_without_an_offset_are_those_of_the_time_zone() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    // 23:30 and 00:30 in Berlin.
    let half_past = 11 * 60 * MINUTE_MS + 30 * MINUTE_MS;
    browse(client, LAPTOP, &[land(1, half_past, "a", "s1", "/", ""), land(2, half_past + 60 * MINUTE_MS, "b", "s2", "/", "")]);
    let days = |zone: Option<&str>| {
        let mut body = json!({"date_breakdown": {"by": "visit.started_at", "field": "visit.id", "operator": "value_count", "interval": "day"},
            "filter": {"visit": june()}});
        if let Some(zone) = zone {
            body["date_breakdown"]["time_zone"] = json!(zone);
        }
        query_with(client, &token(client, ""), "visits/date_breakdown", &body)
    };
    assert_eq!(days(None).1["data"], json!([{"date": "2021-06-10T00:00:00.000Z", "value": 2}]));
    let berlin = json!([{"date": "2021-06-09T22:00:00.000Z", "value": 1}, {"date": "2021-06-10T22:00:00.000Z", "value": 1}]);
    assert_eq!(days(Some("Europe/Berlin")).1["data"], berlin);
    let (status, error) = days(Some("Europe/Atlantis"));
    assert_eq!(status, 422);
    assert!(error["error"]["meta"]["errors"][0]["date_breakdown"][0]["time_zone"].is_array(), "{error}");
    let day = json!({"date_from": "2021-06-11T00:00:00", "date_to": "2021-06-11T23:59:59", "time_zone": "Europe/Berlin"});
    let body = json!({"stats": {"field": "visit.id", "operator": "value_count"}, "filter": {"visit": day}});
    assert_eq!(query(client, "visits/stats", &body)["data"]["value"], 1);
    let orders = json!({"stats": {"field": "order.id", "operator": "value_count"}, "filter": {"order": {"time_zone": "Nowhere"}}});
    let (status, error) = query_with(client, &token(client, ""), "orders/stats", &orders);
    assert_eq!((status, error["error"]["meta"]["errors"][0]["order"][0]["time_zone"].is_array()), (422, true), "{error}");
}
