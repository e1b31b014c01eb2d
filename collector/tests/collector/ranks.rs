//! Who may do what with a record: senders, what they send, and what the owner then exports.
//!
//! Each case is played in a project of its own. A step is a sender and what it sends; `Page` names the visitor, an e-mail or an id.

use serde_json::{Value, json};
use tillroll_collector::clock::Clock;
use tillroll_collector::store::Options;

use crate::backend::digest;
use crate::batch::covers;
use crate::server::{Client, TestServer, basic, id, read_json};

#[derive(Clone, Copy)]
enum Sender {
    /// A stranger with the public token, as this visitor.
    Page(&'static str),
    /// Metrilo's open call.
    Unsigned,
    /// The shop's server.
    Signed,
    /// The owner, on `/api/track`.
    Headless,
    /// The owner, on `/import`.
    Import,
}
use Sender::{Headless, Import, Page, Signed, Unsigned};

struct Case {
    title: &'static str,
    /// The sender, the path or the type of the event, and the record. The time of a step is `time` of the record, or else now.
    steps: Vec<(Sender, &'static str, Value)>,
    list: &'static str,
    expected: Value,
}

fn play(client: &Client, token: &str, number: u64, (sender, what, content): &(Sender, &'static str, Value)) {
    let mut content = content.clone();
    let store = content.as_object_mut().unwrap().remove("store");
    let time = content.as_object_mut().unwrap().remove("time").unwrap_or_else(|| json!(Clock::SYSTEM.millis()));
    let authorization = basic(token, "secret");
    let owner = [("authorization", authorization.as_str())];
    let record = json!({"token": token, "time": time, "params": content}).to_string();
    let mut response = match sender {
        Page(visitor) => {
            let name = if visitor.contains('@') { "visitorEmail" } else { "visitorId" };
            let mut event = json!({"id": id(number), "type": what, "api": "ometria", "time": time, name: visitor, "params": content});
            event["storeId"] = store.unwrap_or_default();
            client.post("/v2/batch", &json!({"token": token, "events": [event]}).to_string())
        }
        Unsigned => client.post(what, &record),
        Signed => client.post_with(what, &[("x-digest", &digest(&record, "secret"))], &record),
        Headless => client.post_with("/api/track", &owner, &json!({"scope": "order", "action": what, "data": content}).to_string()),
        Import => client.post_with(&format!("/import/{what}"), &owner, &content.to_string()),
    };
    let status = response.status();
    let body = read_json(&mut response);
    assert!(status == 200 && body["rejected"].as_array().is_none_or(Vec::is_empty), "{what}: {status} {body}");
}

/// The year 2100.
const FUTURE: u64 = 4_102_444_800_000;

fn customer_cases() -> Vec<Case> {
    let email = "jo@x.com";
    let truth = json!({"email": email, "createdAt": 1_600_000_000_000_u64, "firstName": "Jo", "subscribed": false, "tags": ["retail"]});
    let lie = json!({"email": email, "createdAt": 1, "firstName": "Mallory", "lastName": "M", "subscribed": true, "tags": ["wholesale"], "time": FUTURE});
    let kept = json!([{"createdAt": 1_600_000_000_000_u64, "firstName": "Jo", "lastName": "M", "subscribed": false, "tags": ["retail", "wholesale"]}]);
    let details = json!({"first_name": "Page", "last_name": "Page", "subscribed": true});
    vec![
        Case {
            title: "an unsigned call adds to a signed customer and replaces nothing",
            steps: vec![(Signed, "/customer", truth.clone()), (Unsigned, "/customer", lie.clone())],
            list: "customers",
            expected: kept.clone(),
        },
        Case {
            title: "a signed call replaces an unsigned one of the future",
            steps: vec![(Unsigned, "/customer", lie.clone()), (Signed, "/customer", truth.clone())],
            list: "customers",
            expected: kept.clone(),
        },
        Case {
            title: "an import replaces an unsigned call of the future",
            steps: vec![(Unsigned, "/customer", lie.clone()), (Import, "customers", truth.clone())],
            list: "customers",
            expected: kept,
        },
        Case {
            title: "a signed call removes unsigned tags and tags of a page",
            steps: vec![
                (Unsigned, "/customer", lie.clone()),
                (Page(email), "tag", json!({"tags": ["vip"]})),
                (Signed, "/customer/untag", json!({"email": email, "tags": ["WHOLESALE", "vip"]})),
                (Page(email), "tag", json!({"tags": ["vip"]})),
            ],
            list: "customers",
            expected: json!([{"tags": []}]),
        },
        Case {
            title: "a page adds to an unsigned customer and replaces nothing",
            steps: vec![
                (Unsigned, "/customer", json!({"email": email, "createdAt": 5, "firstName": "Jo", "time": 5_000})),
                (Page(email), "customer_details", details),
            ],
            list: "customers",
            expected: json!([{"createdAt": 5_000, "firstName": "Jo", "lastName": "Page", "subscribed": true}]),
        },
    ]
}

fn signed(more: Value) -> (Sender, &'static str, Value) {
    let mut order = json!({"id": "1", "createdAt": Clock::SYSTEM.millis(), "amount": 100, "status": "paid", "products": []});
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (Signed, "/order", order)
}

fn report(visitor: &'static str, more: Value) -> (Sender, &'static str, Value) {
    let mut order = json!({"order_id": "1"});
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (Page(visitor), "order", order)
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn order_cases() -> Vec<Case> {
    let orders = |title, steps, expected| Case { title, steps, list: "orders", expected };
    let thief = "thief@x.com";
    let lie = json!({"total": 1, "currency": "ZZZ", "tax": 99, "shipping": -5});
    let early = |mut lie: Value| {
        lie["time"] = json!(1);
        lie
    };
    vec![
        orders(
            "a page adds to a signed order only what is missing, and only the first to report it",
            vec![
                signed(json!({})),
                report("buyer@x.com", json!({"total": 7, "currency": "EUR"})),
                report(thief, lie.clone()),
                report(thief, early(lie.clone())),
            ],
            json!([{"amount": 100, "currency": "EUR", "tax": null, "shipping": null, "email": "buyer@x.com", "source": "backend"}]),
        ),
        orders(
            "a page that is not the customer of a signed order adds nothing, whatever arrives first",
            vec![
                report(thief, early(lie.clone())),
                signed(json!({"email": "buyer@x.com"})),
                report("buyer@x.com", json!({"currency": "EUR"})),
            ],
            json!([{"amount": 100, "currency": "EUR", "tax": null, "email": "buyer@x.com", "source": "backend"}]),
        ),
        orders(
            "where the owner named the customer, a page without an e-mail adds nothing, whatever arrives first",
            vec![report("ab", lie.clone()), signed(json!({"email": "buyer@x.com"})), report("cd", lie.clone())],
            json!([{"amount": 100, "currency": null, "tax": null, "shipping": null, "email": "buyer@x.com"}]),
        ),
        orders(
            "each visitor of the customer adds to a signed order",
            vec![
                signed(json!({"email": "buyer@x.com"})),
                report("ab", json!({"currency": "EUR"})),
                report("cd", json!({"currency": "USD", "tax": 2})),
                (Page("ab"), "identify", json!({"email": "buyer@x.com"})),
                (Page("cd"), "identify", json!({"email": "buyer@x.com"})),
            ],
            json!([{"amount": 100, "currency": "EUR", "tax": 2, "email": "buyer@x.com"}]),
        ),
        orders(
            "the reports of strangers take no place from that of the customer",
            [
                vec![signed(json!({"email": "buyer@x.com"}))],
                vec![report("ab", lie.clone()); 33],
                vec![report("buyer@x.com", json!({"tax": 2}))],
            ]
            .concat(),
            json!([{"amount": 100, "currency": null, "tax": 2, "email": "buyer@x.com"}]),
        ),
        orders(
            "the reports of strangers take no place from what the page that reported an order sends",
            [
                vec![report("ab", json!({"total": 5}))],
                vec![report(thief, lie.clone()); 33],
                vec![(Page("ab"), "order_cancel", json!({"order_id": "1"}))],
            ]
            .concat(),
            json!([{"amount": 5, "currency": null, "status": "cancelled", "source": "page"}]),
        ),
        orders(
            "a page cannot cancel a signed order",
            vec![report("ab", json!({})), signed(json!({})), (Page("ab"), "order_cancel", json!({"order_id": "1"}))],
            json!([{"status": "paid"}]),
        ),
        orders(
            "of an order that only pages report the first report counts",
            vec![
                report("ab", json!({"total": 5})),
                report(thief, early(lie.clone())),
                (Page(thief), "order_cancel", json!({"order_id": "1"})),
            ],
            json!([{"amount": 5, "currency": null, "email": null, "status": "placed", "source": "page"}]),
        ),
        orders(
            "the page that reported an order cancels it",
            vec![report("ab", json!({"total": 5})), (Page("ab"), "order_cancel", json!({"order_id": "1"}))],
            json!([{"amount": 5, "status": "cancelled", "source": "page"}]),
        ),
        orders(
            "the headless API replaces what a page reported",
            vec![report("ab", lie), (Headless, "add", json!({"order_id": "1", "order_total": 8, "order_currency": "EUR"}))],
            json!([{"amount": 8, "currency": "EUR", "tax": 99, "source": "headless"}]),
        ),
        orders(
            "a page cannot replace an imported order",
            vec![
                (Import, "orders", json!({"id": "1", "status": "placed", "total_amount_with_taxes": 3, "market": {"id": "de"}})),
                report(thief, json!({"total": 1, "store": "fr"})),
                (Page(thief), "order_cancel", json!({"order_id": "1"})),
            ],
            json!([{"amount": 3, "status": "placed", "source": "import"}]),
        ),
        orders(
            "an imported export keeps the name of its source",
            vec![(Import, "orders", json!({"id": "1", "createdAt": 1, "amount": 3, "source": "page"}))],
            json!([{"amount": 3, "source": "page"}]),
        ),
        orders(
            "an imported order without a source is of the import",
            vec![report(thief, json!({"total": 1})), (Import, "orders", json!({"id": "1", "createdAt": 1, "amount": 3}))],
            json!([{"amount": 3, "source": "import"}]),
        ),
        Case {
            title: "of an order that only pages report, only the returns of the page that reported it first count, whatever arrives first",
            steps: vec![
                (Page(thief), "order_return", json!({"order_id": "1"})),
                (Page("cd"), "order_return", json!({"order_id": "1"})),
                report("ab", json!({"total": 5})),
                report("cd", json!({"total": 6})),
                (Page("ab"), "order_return", json!({"order_id": "1"})),
                (Page("cd"), "order_return", json!({"order_id": "1"})),
            ],
            list: "returns",
            expected: json!([{"order_id": "1", "customer": {"id": "ab"}}]),
        },
        Case {
            title: "returns by strangers keep none of the reporter out",
            steps: std::iter::once(report("ab", json!({"total": 5})))
                .chain((0..110).map(|_| (Page("cd"), "order_return", json!({"order_id": "1"}))))
                .chain([(Page("ab"), "order_return", json!({"order_id": "1"}))])
                .collect(),
            list: "returns",
            expected: json!([{"order_id": "1", "customer": {"id": "ab"}}]),
        },
        Case {
            title: "the person who reported an order returns it from another browser",
            steps: vec![
                report("ab", json!({"total": 5})),
                (Page("cd"), "order_return", json!({"order_id": "1"})),
                (Page("ab"), "identify", json!({"email": "buyer@x.com"})),
                (Page("cd"), "identify", json!({"email": "buyer@x.com"})),
            ],
            list: "returns",
            expected: json!([{"order_id": "1", "customer": {"id": "buyer@x.com"}}]),
        },
        Case {
            title: "a page cannot return a signed order, and the owner can",
            steps: vec![
                (Page("ab"), "order_return", json!({"order_id": "1"})),
                signed(json!({})),
                (Page("ab"), "order_return", json!({"order_id": "1"})),
                (Headless, "return", json!({"order_id": "1"})),
            ],
            list: "returns",
            expected: json!([{"order_id": "1"}]),
        },
    ]
}

#[test]
fn a_sender_changes_only_what_its_rank_permits() {
    let cases: Vec<Case> = customer_cases().into_iter().chain(order_cases()).collect();
    let projects: Vec<String> = (0..cases.len()).map(|number| format!("p{number}:secret")).collect();
    let server = TestServer::with_clock(&["--project", &projects.join(",")], Options::default(), Clock::SYSTEM);
    for (at, Case { title, steps, list, expected }) in cases.iter().enumerate() {
        let token = format!("p{at}");
        for (number, step) in steps.iter().enumerate() {
            play(&server.client, &token, number as u64 + 1, step);
        }
        let found = Value::from(server.client.list_of(&token, "secret", list));
        let is_expected = |(found, expected): (&Value, &Value)| {
            let missing = expected.as_object().unwrap().iter().all(|(name, value)| !value.is_null() || found.get(name).is_none());
            let named: Value = expected.as_object().unwrap().clone().into_iter().filter(|(_, value)| !value.is_null()).collect();
            missing && covers(&named, found)
        };
        let (all, expected) = (found.as_array().unwrap(), expected.as_array().unwrap());
        assert!(all.len() == expected.len() && all.iter().zip(expected).all(is_expected), "{title}: {found}");
    }
}

#[cfg(feature = "duckdb")]
#[test]
fn a_page_cannot_move_an_order_into_the_market_of_a_token() {
    let server = TestServer::with_clock(&["--project", "t:secret"], Options::default(), Clock::SYSTEM);
    let client = &server.client;
    let order = |order: &str, store: &str| json!({"order_id": order, "total": 1, "store": store});
    play(client, "t", 1, &(Page("ab"), "order", order("1", "de")));
    play(client, "t", 2, &(Page("thief@x.com"), "order", order("1", "fr")));
    play(client, "t", 3, &(Page("ab"), "order", order("1", "fr")));
    let imported = json!({"id": "2", "status": "placed", "placed_at": "2026-01-01T00:00:00Z", "market": {"id": "de"}});
    play(client, "t", 4, &(Import, "orders", imported));
    play(client, "t", 5, &(Page("ab"), "order", order("2", "fr")));
    play(
        client,
        "t",
        6,
        &(Signed, "/order", json!({"id": "3", "createdAt": Clock::SYSTEM.millis(), "amount": 1, "status": "x", "products": []})),
    );
    play(client, "t", 7, &signed(json!({"id": "4", "email": "buyer@x.com"})));
    play(client, "t", 8, &(Page("ab"), "order", order("4", "fr")));
    let count = |scope: &str, filter: Value| {
        let grant = json!({"grant_type": "client_credentials", "client_id": "t", "client_secret": "secret", "scope": scope}).to_string();
        let granted = read_json(&mut client.post_with("/oauth/token", &[("content-type", "application/json")], &grant));
        let bearer = format!("Bearer {}", granted["access_token"].as_str().unwrap());
        let headers =
            [("accept", "application/vnd.api.v1+json"), ("content-type", "application/vnd.api+json"), ("authorization", bearer.as_str())];
        let body = json!({"stats": {"field": "order.id", "operator": "value_count"}, "filter": {"order": filter}}).to_string();
        read_json(&mut client.post_with("/metrics/orders/stats?fresh=1", &headers, &body))["data"]["value"].clone()
    };
    let all = || json!({"date_field": "updated_at"});
    assert_eq!(["market:id:fr", "market:id:de"].map(|scope| count(scope, all())), [json!(0), json!(1)]);
    assert_eq!(count("", all()), json!(3));
    let mut without_pages = all();
    without_pages["sources"] = json!({"not_in": ["page"]});
    assert_eq!(count("", without_pages), json!(2));
}

#[test]
fn a_full_bound_removes_no_link_and_is_counted() {
    const MAX_LINKS: u64 = 256;
    let server = TestServer::with_clock(&["--project", "t:secret"], Options::default(), Clock::SYSTEM);
    let link = |number: u64, time: u64| crate::server::identify(number, time, &format!("visitor-{number}"), "a@x.com");
    let now = Clock::SYSTEM.millis();
    server.client.store(&[
        link(1, now - 1_000),
        json!({"id": id(900), "type": "basket_add", "api": "metrilo", "time": now, "visitorId": "visitor-1",
        "params": {"product_id": "p", "quantity": 1}}),
    ]);
    server.client.store(&(2..=MAX_LINKS + 2).map(|number| link(number, now - 100_000 + number)).collect::<Vec<_>>());
    assert_eq!(server.client.metric("tillroll_state_bounds_reached_total{bound=\"identity_links\"}"), 2.0);
    let cart = &server.client.list_of("t", "secret", "carts")[0];
    assert_eq!(cart["customer"]["email"], "a@x.com");
}

#[test]
fn what_pages_send_about_one_customer_is_bounded() {
    let server = TestServer::with_clock(&["--project", "t:secret"], Options::default(), Clock::SYSTEM);
    let now = Clock::SYSTEM.millis();
    let tags = |number: u64| (0..900).map(|at| format!("tag-{number}-{at:040}")).collect::<Vec<_>>();
    for number in 1..=20 {
        let tag = json!({"id": id(number), "type": "tag", "api": "metrilo", "time": now - 100 + number, "visitorEmail": "a@x.com", "params": {"tags": tags(number)}});
        server.client.store(&[tag]);
    }
    let customer = server.client.list_of("t", "secret", "customers")[0].to_string();
    assert!((1_000..40_000).contains(&customer.len()), "{}", customer.len());
}
