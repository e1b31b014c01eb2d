//! Random histories of a shop on several devices. Sent in any order, alone or in batches, some of it twice, to a server that is killed now and
//! then, they end in the same state as sent in order and once. The state is everything that an owner can export or query: the log with its
//! identities, the six lists, and the results of metrics queries, which must equal the current documents.
//!
//! Calls to `/api/track` are not part of it: they have no time but that of their arrival, so their order has a meaning.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use proptest::prelude::*;
use serde_json::{Value, json};
use tillroll_collector::clock::Clock;
use tillroll_collector::resource::Resource;
use tillroll_collector::store::Options;

use crate::server::{Client, ServerProcess, TestServer};

const CASES: usize = 24;

/// Something that happens, this many minutes after what happened before it.
#[derive(Clone, Debug)]
struct Step {
    minutes: u64,
    who: Who,
    what: What,
}

/// A browser, or a customer with an e-mail.
#[derive(Clone, Copy, Debug)]
enum Who {
    Browser(u8),
    Known(u8),
}

#[derive(Clone, Debug)]
enum What {
    Identify(u8),
    Add(u8),
    Remove(u8),
    Snapshot(Option<u8>, Vec<u8>),
    PageOrder(u8),
    Details(u8),
    Tag(u8),
    Return(u8, bool),
    Cancel(u8),
    ShopOrder(u8, Option<u8>, u8),
    ShopCustomer(u8, Option<u8>),
    ShopTag(u8, u8, bool),
    ShopProduct(u8, u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = prop_oneof![3 => (0..3_u8).prop_map(Who::Browser), 1 => (0..2_u8).prop_map(Who::Known)];
    let small = 0..3_u8;
    let what = prop_oneof![
        2 => (0..2_u8).prop_map(What::Identify),
        3 => small.clone().prop_map(What::Add),
        1 => small.clone().prop_map(What::Remove),
        2 => (prop::option::of(0..2_u8), prop::collection::vec(0..3_u8, 0..3)).prop_map(|(basket, lines)| What::Snapshot(basket, lines)),
        1 => small.clone().prop_map(What::PageOrder),
        1 => small.clone().prop_map(What::Details),
        1 => small.clone().prop_map(What::Tag),
        1 => (small.clone(), any::<bool>()).prop_map(|(order, whole)| What::Return(order, whole)),
        1 => small.clone().prop_map(What::Cancel),
        2 => (small.clone(), prop::option::of(0..2_u8), small.clone()).prop_map(|(id, email, status)| What::ShopOrder(id, email, status)),
        1 => (0..2_u8, prop::option::of(0..3_u8)).prop_map(|(email, name)| What::ShopCustomer(email, name)),
        1 => (0..2_u8, small.clone(), any::<bool>()).prop_map(|(email, tag, keep)| What::ShopTag(email, tag, keep)),
        2 => (small.clone(), small).prop_map(|(product, option)| What::ShopProduct(product, option)),
    ];
    let step = (1..50_u64, who, what).prop_map(|(minutes, who, what)| Step { minutes, who, what });
    prop::collection::vec(step, 1..28)
}

/// Returns the request of a step: the path, and the body without its token.
fn request(at: usize, time: u64, step: &Step) -> (&'static str, Value) {
    let event = |kind: &str, params: Value| {
        let id = format!("01890a5d-0000-7000-8000-{:012x}", at + 1);
        let mut event = json!({"id": id, "type": kind, "api": "ometria", "time": time, "params": params});
        match step.who {
            Who::Browser(browser) => event["visitorId"] = json!(format!("browser-{browser}")),
            Who::Known(email) => event["visitorEmail"] = json!(format!("{email}@x.com")),
        }
        ("/v2/batch", json!({"events": [event]}))
    };
    let reported = |order: &u8, kind: &str, params: Value| {
        let (path, mut body) = event(kind, params);
        let event = body["events"][0].as_object_mut().unwrap();
        event.remove("visitorEmail");
        event.insert("visitorId".into(), json!(format!("browser-{order}")));
        (path, body)
    };
    let record = |path, params: Value| (path, json!({"time": time, "params": params}));
    let line = |product: &u8| json!({"product_id": format!("p{product}"), "quantity": 1, "price": 3});
    let bare = |product: &u8| json!({"product_id": format!("p{product}"), "quantity": 1});
    match &step.what {
        What::Identify(email) => event("identify", json!({"email": format!("{email}@x.com")})),
        What::Add(product) => event("basket_add", json!({"product_id": format!("p{product}"), "quantity": 2})),
        What::Remove(product) => event("basket_remove", json!({"product_id": format!("p{product}"), "quantity": 1})),
        What::Snapshot(basket, lines) => {
            let lines: Vec<Value> = lines.iter().map(line).collect();
            event(
                "basket_update",
                json!({"basket_id": basket.map(|basket| format!("b{basket}")), "total": at, "lines": lines, "changes": []}),
            )
        }
        // Of pages the first report counts, so one person reports an order.
        What::PageOrder(order) => reported(order, "order", json!({"order_id": format!("o{order}"), "total": at, "lines": [line(order)]})),
        What::Details(name) => event("customer_details", json!({"first_name": format!("page {name}")})),
        What::Tag(tag) => event("tag", json!({"tags": [format!("t{tag}")]})),
        What::Return(order, true) => event("order_return", json!({"order_id": format!("o{order}")})),
        What::Return(order, false) => event("order_return", json!({"order_id": format!("o{order}"), "lines": [bare(order)]})),
        What::Cancel(order) => event("order_cancel", json!({"order_id": format!("o{order}")})),
        What::ShopOrder(order, email, status) => {
            let email = email.map(|email| format!("{email}@x.com"));
            record(
                "/v2/order",
                json!({"id": format!("o{order}"), "createdAt": time - 1, "email": email, "amount": at, "status": format!("s{status}"),
                    "products": [{"productId": format!("p{order}"), "quantity": 2}, {"productId": format!("option-{status}"), "quantity": 1}]}),
            )
        }
        What::ShopCustomer(email, name) => {
            let name = name.map(|name| format!("shop {name}"));
            record("/v2/customer", json!({"email": format!("{email}@x.com"), "createdAt": time, "firstName": name}))
        }
        What::ShopTag(email, tag, keep) => {
            let path = if *keep { "/v2/customer/tag" } else { "/v2/customer/untag" };
            record(path, json!({"email": format!("{email}@x.com"), "tags": [format!("T{tag}")]}))
        }
        What::ShopProduct(product, option) => record(
            "/v2/product",
            json!({"id": format!("p{product}"), "name": format!("n{at}"), "price": at, "sku": format!("sku-{at}"),
                "options": [{"id": format!("option-{option}"), "name": format!("n{at}"), "price": at}]}),
        ),
    }
}

/// Sends a request, and returns the status, or None if the server was killed meanwhile.
fn try_send(client: &Client, token: &str, (path, body): &(&'static str, Value)) -> Option<u16> {
    let mut body = body.clone();
    body["token"] = json!(token);
    let body = body.to_string();
    let digest = crate::backend::digest(&body, "secret");
    let headers = if *path == "/v2/batch" { vec![] } else { vec![("x-digest", digest.as_str())] };
    client.try_post_with(path, &headers, &body).ok().map(|answer| answer.status().as_u16())
}

fn send(client: &Client, token: &str, request: &(&'static str, Value)) {
    assert_eq!(try_send(client, token, request), Some(200), "{request:?}");
}

/// Sends requests, and combines events up to a cut into a batch.
fn send_together(client: &Client, token: &str, all: &[&(&'static str, Value)], cuts: &[bool]) {
    let mut batch = Vec::new();
    for (at, request) in all.iter().enumerate() {
        let is_event = request.0 == "/v2/batch";
        if is_event {
            batch.push(request.1["events"][0].clone());
        }
        if !batch.is_empty() && (!is_event || cuts[at % cuts.len()] || at + 1 == all.len()) {
            send(client, token, &("/v2/batch", json!({"events": std::mem::take(&mut batch)})));
        }
        if !is_event {
            send(client, token, request);
        }
    }
}

/// The fields of the metrics queries, by resource: all that a query can return.
#[cfg(feature = "duckdb")]
const QUERIED_FIELDS: &[(&str, &str)] = &[
    ("orders", r#"["order.*", "customer.*", "market.*", "line_items.*"]"#),
    ("carts", r#"["order.*", "customer.*", "market.*", "line_items.*"]"#),
    ("returns", r#"["return.*", "customer.*", "market.*", "return_line_items.*"]"#),
];

/// Returns the current results of the metrics queries.
#[cfg(feature = "duckdb")]
fn query_results(client: &Client, token: &str) -> BTreeMap<String, Value> {
    let grant = json!({"grant_type": "client_credentials", "client_id": token, "client_secret": "secret"}).to_string();
    let granted = crate::server::read_json(&mut client.post_with("/oauth/token", &[("content-type", "application/json")], &grant));
    let bearer = format!("Bearer {}", granted["access_token"].as_str().unwrap());
    let headers =
        [("accept", "application/vnd.api.v1+json"), ("content-type", "application/vnd.api+json"), ("authorization", bearer.as_str())];
    let ask = |(resource, fields): &(&str, &str)| {
        let group = if *resource == "returns" { "return" } else { "order" };
        let body = format!(
            r#"{{"search": {{"fields": {fields}, "limit": 100}}, "filter": {{"{group}": {{"date_from": "2020-09-01T00:00:00Z",
               "date_to": "2020-12-31T00:00:00Z", "date_field": "updated_at"}}}}}}"#
        );
        let mut answer = client.post_with(&format!("/metrics/{resource}/search?fresh=1"), &headers, &body);
        let read = crate::server::read_json(&mut answer);
        assert_eq!(answer.status(), 200, "{read}");
        let mut found: Vec<Value> = read["data"].as_array().unwrap().clone();
        found.sort_by_key(Value::to_string);
        (format!("query of {resource}"), Value::from(found))
    };
    QUERIED_FIELDS.iter().map(ask).collect()
}

#[cfg(not(feature = "duckdb"))]
fn query_results(_: &Client, _: &str) -> BTreeMap<String, Value> {
    BTreeMap::new()
}

/// Returns the results that the queries would have after a rebuild of the projection.
#[cfg(feature = "duckdb")]
fn documents(server: &TestServer, token: &str) -> BTreeMap<String, Value> {
    use tillroll_collector::metrics::{catalog, document};
    let project = server.collector.projects.find(token).unwrap().id;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let all = |(name, family, kind): (&str, Resource, catalog::RecordKind)| {
        let changes = runtime.block_on(server.collector.store.changes(family, 0, usize::MAX)).unwrap();
        let mut found: Vec<Value> = changes
            .into_iter()
            .filter(|change| change.project == project)
            .filter_map(|change| document::parse_lenient(kind, &Value::from(change.document?).to_string()))
            .map(|record| serde_json::from_str(&record.to_json()).unwrap())
            .map(without_hidden_fields)
            .collect();
        found.sort_by_key(Value::to_string);
        (format!("query of {name}"), Value::from(found))
    };
    let orders = catalog::RecordKind::Orders;
    [("orders", Resource::Orders, orders), ("carts", Resource::Carts, orders), ("returns", Resource::Returns, catalog::RecordKind::Returns)]
        .map(all)
        .into()
}

/// Removes the attribute that no query returns.
#[cfg(feature = "duckdb")]
fn without_hidden_fields(mut document: Value) -> Value {
    for line in document.get_mut("return_line_items").and_then(Value::as_array_mut).into_iter().flatten() {
        line.as_object_mut().unwrap().remove("item_id");
    }
    document
}

#[cfg(not(feature = "duckdb"))]
fn documents(_: &TestServer, _: &str) -> BTreeMap<String, Value> {
    BTreeMap::new()
}

/// Returns the exported state of a project.
fn exported(client: &Client, token: &str) -> BTreeMap<String, Value> {
    let mut state = BTreeMap::new();
    let mut events = client.export_of(token, "");
    for event in &mut events {
        ["cursor", "received_at"].iter().for_each(|name| drop(event.as_object_mut().unwrap().remove(*name)));
    }
    events.sort_by_key(|event| event["id"].to_string());
    state.insert("events".to_owned(), events.into());
    for list in ["customers", "categories", "products", "orders", "carts", "returns"] {
        let mut found = client.list_of(token, "secret", list);
        for thing in &mut found {
            thing.as_object_mut().unwrap().remove("market");
        }
        state.insert(list.to_owned(), found.into());
    }
    state
}

/// Returns the exported state of a project, and its documents from the change feed.
fn state(server: &TestServer, token: &str) -> BTreeMap<String, Value> {
    let mut state = exported(&server.client, token);
    let project = server.collector.projects.find(token).unwrap().id;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for family in [Resource::Orders, Resource::Carts, Resource::Returns] {
        let changes = runtime.block_on(server.collector.store.changes(family, 0, usize::MAX)).unwrap();
        for change in changes.into_iter().filter(|change| change.project == project) {
            if let Some(mut document) = change.document {
                document.remove("market");
                assert!(
                    state.insert(format!("{family:?} {}", change.key), document.into()).is_none(),
                    "the change feed has a document twice"
                );
            }
        }
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES as u32, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_order_of_arrival_ends_in_the_same_state(
        (steps, order) in steps().prop_flat_map(|steps| {
            let all: Vec<usize> = (0..steps.len()).chain((0..steps.len()).step_by(3)).collect();
            (Just(steps), Just(all).prop_shuffle())
        }),
        cuts in prop::collection::vec(any::<bool>(), 1..8),
    ) {
        // Two projects a case; a failing case is shrunk by running more of them.
        const PROJECTS: usize = 2 * (CASES + 200);
        static SERVER: std::sync::LazyLock<TestServer> = std::sync::LazyLock::new(|| {
            let projects: Vec<String> = (0..PROJECTS).map(|number| format!("p{number}:secret")).collect();
            TestServer::with(&["--project", &projects.join(",")], Options::default())
        });
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let case = NEXT.fetch_add(2, Relaxed);
        prop_assume!(case + 1 < PROJECTS);
        let mut time = 1_600_000_000_000;
        let all: Vec<_> = steps.iter().enumerate().map(|(at, step)| {
            time += step.minutes * 60_000 + 7;
            request(at, time, step)
        }).collect();
        let (in_order, shuffled) = (format!("p{case}"), format!("p{}", case + 1));
        all.iter().for_each(|request| send(&SERVER.client, &in_order, request));
        let mixed: Vec<_> = order.iter().filter_map(|&at| all.get(at)).collect();
        let (first, second) = mixed.split_at(mixed.len() / 2);
        send_together(&SERVER.client, &shuffled, first, &cuts);
        // The projection applies the first half now, so that the second half has to change it.
        query_results(&SERVER.client, &shuffled);
        send_together(&SERVER.client, &shuffled, second, &cuts);
        prop_assert_eq!(state(&SERVER, &in_order), state(&SERVER, &shuffled));
        prop_assert_eq!(query_results(&SERVER.client, &shuffled), documents(&SERVER, &shuffled));
    }
}

/// Sends everything to a program that is killed during some of the requests. Unacknowledged requests are sent again.
fn send_between_kills(folder: &Path, all: &[(&'static str, Value)], order: &[(usize, bool)]) -> BTreeMap<String, Value> {
    let start = || ServerProcess::start(folder, &["--project", "t:secret"]);
    let mut program = start();
    for (at, kill) in order {
        let Some(request) = all.get(*at) else { continue };
        if *kill {
            let client = program.client.clone();
            std::thread::scope(|scope| {
                scope.spawn(move || try_send(&client, "t", request));
                program.child.kill().unwrap();
            });
            drop(program);
            program = start();
        }
        send(&program.client, "t", request);
    }
    [exported(&program.client, "t"), query_results(&program.client, "t")].into_iter().flatten().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn kills_and_any_order_of_arrival_end_in_the_same_state(
        (steps, order) in steps().prop_flat_map(|steps| {
            let all: Vec<usize> = (0..steps.len()).chain((0..steps.len()).step_by(3)).collect();
            let kills = prop::collection::vec(prop::bool::weighted(0.2), all.len());
            (Just(steps), (Just(all).prop_shuffle(), kills).prop_map(|(all, kills)| all.into_iter().zip(kills).collect::<Vec<_>>()))
        }),
    ) {
        // The program uses the clock of the system.
        let mut time = Clock::SYSTEM.millis() - 7 * 24 * 60 * 60 * 1_000;
        let all: Vec<_> = steps.iter().enumerate().map(|(at, step)| {
            time += step.minutes * 60_000 + 7;
            request(at, time, step)
        }).collect();
        let folder = tempfile::tempdir().unwrap();
        let server = TestServer::start_today();
        all.iter().for_each(|request| send(&server.client, "t", request));
        let in_order: BTreeMap<String, Value> = [exported(&server.client, "t"), query_results(&server.client, "t")].into_iter().flatten().collect();
        prop_assert_eq!(in_order, send_between_kills(folder.path(), &all, &order));
    }
}

/// Two tabs can report one order in the same millisecond.
#[test]
fn reports_of_one_time_have_the_same_result_in_any_order() {
    let server = TestServer::with(&["--project", "t:secret", "--project", "u:secret"], Options::default());
    let report = |number: u64| json!({"order_id": "o", "total": number, "currency": if number == 1 { "EUR" } else { "USD" }});
    let event = |number: u64| json!({"id": crate::server::id(number), "type": "order", "api": "ometria", "time": crate::server::EPOCH + 5, "visitorId": "ab", "params": report(number)});
    let end = |token: &str, order: [u64; 2]| {
        order.into_iter().for_each(|number| send(&server.client, token, &("/v2/batch", json!({"events": [event(number)]}))));
        exported(&server.client, token).remove("orders")
    };
    assert_eq!(end("t", [1, 2]), end("u", [2, 1]));
}

#[test]
fn the_change_feed_read_in_small_steps_has_no_gap() {
    let server = TestServer::start();
    let order = |number: usize| json!({"id": crate::server::id(number as u64), "type": "order", "api": "ometria", "time": crate::server::EPOCH + 5, "visitorId": "ab", "params": {"order_id": number.to_string()}});
    server.client.store(&(1..=9).map(order).collect::<Vec<_>>());
    server.client.store(&[crate::server::identify(100, 1, "ab", "a@x.com")]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut after, mut seen) = (0, BTreeMap::new());
    loop {
        let changes = runtime.block_on(server.collector.store.changes(Resource::Orders, after, 2)).unwrap();
        let Some(last) = changes.last() else { break };
        after = last.number;
        seen.extend(changes.into_iter().map(|change| (change.key, change.document.unwrap()["customer"]["email"].clone())));
    }
    assert_eq!(seen, (1..=9).map(|number: usize| (number.to_string(), json!("a@x.com"))).collect());
    assert!(after <= server.collector.store.position().borrow().change);
}
