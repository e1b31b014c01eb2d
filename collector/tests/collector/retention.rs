//! Expired events leave the log; the state stays.

use serde_json::{Value, json};

use crate::server::{EPOCH, ServerProcess, TestServer, basic, clock, identify, until, view};

fn event(number: u64, kind: &str, params: Value) -> Value {
    let mut event = view(number, number, "ab");
    event["type"] = json!(kind);
    event["params"] = params;
    event
}

const LISTS: [&str; 4] = ["customers", "orders", "carts", "returns"];

fn without_cursor(list: &[Value]) -> Vec<Value> {
    let bare = |line: &Value| {
        let mut line = line.clone();
        line.as_object_mut().unwrap().remove("cursor");
        line
    };
    list.iter().map(bare).collect()
}

#[test]
fn expired_events_are_deleted_and_the_state_stays() {
    let folder = tempfile::tempdir().unwrap();
    let state = |program: &ServerProcess| LISTS.map(|list| without_cursor(&program.client.list_of("t", "secret", list)));
    let (before, cursor) = {
        let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
        let add = |number, product: &str| event(number, "basket_add", json!({"product_id": product, "quantity": 1}));
        program.client.store_as_sent_at(
            EPOCH + 1_000,
            &[
                view(1, 1, "ab"),
                add(2, "p"),
                identify(3, 3, "ab", "a@x.com"),
                event(4, "customer_details", json!({"first_name": "Ann"})),
                event(5, "order", json!({"order_id": "7", "total": 5})),
                add(6, "q"),
                event(7, "order_return", json!({"order_id": "7"})),
            ],
        );
        (state(&program), program.client.export("").pop().unwrap()["cursor"].as_str().unwrap().to_owned())
    };
    assert!(before.iter().all(|list| !list.is_empty()), "{before:?}");
    let program = ServerProcess::start(folder.path(), &["--project", "t:secret", "--keep-events", "1ms"]);
    until("the log is empty", || program.client.export("").is_empty());
    assert_eq!(state(&program), before);
    until("the metric counts them", || program.client.metric("tillroll_events_trimmed_total") >= 7.0);

    // Later events build on the state.
    drop(program);
    let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    program.client.store_as_sent_at(EPOCH + 1_000, &[event(8, "basket_add", json!({"product_id": "r", "quantity": 1}))]);
    let after: Vec<Value> = program.client.export(&format!("?after={cursor}"));
    assert_eq!((after.len(), &after[0]["email"]), (1, &json!("a@x.com")), "an old cursor continues with the new event");
    let carts = program.client.list_of("t", "secret", "carts");
    let text = json!(carts).to_string();
    // The earlier cart is compacted, so it stays as it was.
    assert_eq!(carts.len(), before[2].len() + 1, "{text}");
    assert!(text.contains("\"q\"") && text.contains("\"r\""), "{text}");
}

/// Returns the time now; every later event has a later time.
fn now() -> u64 {
    let now = clock().millis();
    until("a millisecond is over", || clock().millis() > now);
    clock().millis()
}

/// Trims all events that arrived before a time, step by step.
fn trim(server: &TestServer, before: u64) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    while runtime.block_on(server.collector.store.trim(before, 3)).unwrap().has_more {}
}

/// Returns the types and times of the stored state events.
fn state_events(server: &TestServer) -> Vec<String> {
    let database = server.database();
    let mut statement = database.prepare("SELECT type || ' ' || (time - 1600000000000) FROM state_event ORDER BY seq").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn events_of_a_cart_in_use_stay_and_those_of_an_abandoned_cart_are_deleted() {
    let server = TestServer::start();
    let by = |visitor: &str, number: u64, kind: &str, params: Value| {
        let mut event = event(number, kind, params);
        event["visitorId"] = json!(visitor);
        event
    };
    let add = |visitor: &str, number: u64, product: &str| by(visitor, number, "basket_add", json!({"product_id": product, "quantity": 1}));
    server.client.store(&[
        add("busy", 1, "paid"),
        by("busy", 2, "order", json!({"order_id": "7"})),
        add("busy", 3, "still"),
        add("stranger", 4, "left"),
        add("known", 5, "pending"),
        identify(6, 6, "known", "a@x.com"),
        by("stranger", 7, "customer_details", json!({"first_name": "Zacharias"})),
        view(8, 8, "busy"),
    ]);
    let middle = now();
    server.client.store(&[add("busy", 9, "here")]);
    trim(&server, middle);
    assert_eq!(server.client.export("").len(), 1);
    assert_eq!(state_events(&server), ["basket_add 3", "basket_add 9"], "only the events of the cart in use stay");
    let carts = server.client.list_of("t", "secret", "carts");
    let cart = |product: &str| {
        let cart = carts
            .iter()
            .find(|cart| cart.to_string().contains(&format!("\"{product}\"")))
            .unwrap_or_else(|| panic!("{product}: {carts:?}"));
        (cart["status"].clone(), cart["customer"].clone(), cart["skus_count"].clone())
    };
    assert_eq!(cart("here"), (json!("draft"), json!({"id": "busy"}), json!(2)));
    assert_eq!(cart("left"), (json!("draft"), Value::Null, json!(1)), "the abandoned cart has no owner");
    assert_eq!(cart("pending"), (json!("pending"), json!({"id": "a@x.com", "email": "a@x.com"}), json!(1)));
    assert_eq!(carts.len(), 3);
    for secret in ["stranger", "Zacharias"] {
        let found: i64 = server
            .database()
            .query_row(
                "SELECT (SELECT count(*) FROM state_event WHERE visitor = ?1 OR instr(params, ?1))
                     + (SELECT count(*) FROM segment WHERE instr(body, ?1)) + (SELECT count(*) FROM cart WHERE instr(owner, ?1))
                     + (SELECT count(*) FROM customer WHERE instr(page_fields, ?1))",
                [secret],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(found, 0, "{secret}");
    }
    // After the last event has expired, only the carts are left.
    trim(&server, u64::MAX);
    assert_eq!(state_events(&server), [""; 0]);
    assert_eq!(server.client.list_of("t", "secret", "carts").len(), 3);
    // A later event opens a new cart.
    server.client.store(&[add("busy", 20, "new")]);
    assert_eq!(server.client.list_of("t", "secret", "carts").len(), 4);
}

#[test]
fn a_cart_is_compacted_after_its_last_event_was_erased() {
    let server = TestServer::start();
    let add = |number: u64, product: &str| event(number, "basket_add", json!({"product_id": product, "quantity": 1}));
    server.client.store(&[add(1, "p")]);
    let middle = now();
    server.client.store(&[add(2, "a@x.com")]);
    trim(&server, middle);
    assert_eq!(state_events(&server), ["basket_add 1", "basket_add 2"]);
    let request = ureq::http::Request::delete(server.client.url("/customers/a@x.com")).header("authorization", basic("t", "secret"));
    assert_eq!(ureq::run(request.body(()).unwrap()).unwrap().status(), 200);
    assert_eq!(state_events(&server), ["basket_add 1"]);
    trim(&server, u64::MAX);
    assert_eq!(state_events(&server), [""; 0]);
    assert_eq!(server.database().query_row("SELECT COUNT(*) FROM event_id", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn page_fields_of_a_customer_outlive_their_events_until_the_customer_is_erased() {
    let server = TestServer::start();
    let details = |number: u64, params: Value| event(number, "customer_details", params);
    server.client.store(&[
        details(5, json!({"first_name": "Ann", "last_name": "Bravo"})),
        identify(10, 10, "ab", "a@x.com"),
        event(11, "tag", json!({"tags": ["vip"]})),
    ]);
    let customer = |server: &TestServer| without_cursor(&server.client.list_of("t", "secret", "customers"));
    let before = customer(&server);
    trim(&server, u64::MAX);
    assert_eq!((state_events(&server).len(), customer(&server)), (0, before));
    // A later field wins, an earlier one does not, and the other fields stay.
    server.client.store(&[details(20, json!({"first_name": "Joan"})), details(3, json!({"last_name": "Late", "phone_number": "+46"}))]);
    let merged = customer(&server).remove(0);
    let fields = ["createdAt", "firstName", "lastName", "phoneNumber"].map(|name| merged[name].clone());
    assert_eq!((fields, &merged["tags"]), ([json!(EPOCH + 3), json!("Joan"), json!("Bravo"), json!("+46")], &json!(["vip"])));
    trim(&server, u64::MAX);
    assert_eq!(customer(&server), [merged]);
    let request = ureq::http::Request::delete(server.client.url("/customers/a@x.com")).header("authorization", basic("t", "secret"));
    assert_eq!(ureq::run(request.body(()).unwrap()).unwrap().status(), 200);
    server.client.store(&[identify(30, 30, "cd", "a@x.com")]);
    assert_eq!(customer(&server), [json!({"email": "a@x.com", "createdAt": EPOCH + 30, "tags": []})]);
}

#[test]
fn events_that_were_trimmed_but_not_compacted_are_compacted_later() {
    let server = TestServer::start();
    server.client.store(&[event(1, "basket_add", json!({"product_id": "left", "quantity": 1})), identify(2, 2, "cd", "a@x.com")]);
    server.database().execute("UPDATE log_head SET trimmed_until = 2", []).unwrap();
    assert_eq!(server.client.export("").len(), 0);
    trim(&server, 0);
    assert_eq!(state_events(&server), [""; 0]);
    assert_eq!(server.client.list_of("t", "secret", "carts")[0]["customer"], Value::Null);
}

#[test]
fn events_that_have_not_expired_stay() {
    // Two hours later.
    fn later() -> u64 {
        clock().millis() + 7_200_000
    }
    let server = TestServer::start();
    let old: Vec<Value> = (0..1_200).map(|number| view(number, 1, "ab")).collect();
    for batch in old.chunks(400) {
        server.client.store(batch);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let trim = |before: u64, limit: usize| runtime.block_on(server.collector.store.trim(before, limit)).unwrap().deleted;
    assert_eq!(trim(clock().millis() - 3_600_000, 500), 0);
    assert_eq!(server.client.export("").len(), 1_200);
    let between = server.client.export("?limit=700").pop().unwrap()["cursor"].as_str().unwrap().to_owned();
    // Whole segments are deleted, and each request has a segment of its own here.
    assert_eq!(trim(later(), 500), 400);
    assert_eq!((server.client.export("").len(), server.client.export(&format!("?after={between}")).len()), (800, 500));
    assert_eq!((trim(later(), 1), trim(later(), 800), trim(later(), 500)), (400, 400, 0));
    assert_eq!(server.client.store(&[view(5_000, 1, "ab")]), (1, 0));
    assert_eq!(server.client.export("").len(), 1);
}

#[test]
fn requests_are_answered_while_the_log_is_trimmed() {
    let folder = tempfile::tempdir().unwrap();
    {
        let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
        for batch in 0..40 {
            program.client.store(&(0..500).map(|number| view(batch * 500 + number, 1, "ab")).collect::<Vec<_>>());
        }
    }
    let program = ServerProcess::start(folder.path(), &["--project", "t:secret", "--keep-events", "1s"]);
    let mut sent = 0;
    until("all expired events are deleted", || {
        sent += 1;
        assert_eq!(program.client.store(&[view(100_000 + sent, 1, "ab")]), (1, 0));
        program.client.metric("tillroll_events_trimmed_total") >= 20_000.0
    });
    assert!(sent > 20, "{sent} requests were answered during 40 steps");
}
