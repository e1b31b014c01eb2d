//! Old events leave the log; what is true of the shop stays.

use serde_json::{Value, json};
use tillroll_collector::clock::Clock;

use crate::server::{Program, Running, basic, identify, until, view};

fn step(number: u64, kind: &str, params: Value) -> Value {
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
fn events_go_when_their_time_is_over_and_the_state_stays() {
    let folder = tempfile::tempdir().unwrap();
    let state = |program: &Program| LISTS.map(|list| without_cursor(&program.client.list_of("t", "s", list)));
    let (before, cursor) = {
        let program = Program::start(folder.path(), &["--project", "t:s"]);
        let add = |number, product: &str| step(number, "basket_add", json!({"product_id": product, "quantity": 1}));
        program.client.store(&[
            view(1, 1, "ab"),
            add(2, "p"),
            identify(3, 3, "ab", "a@x.com"),
            step(4, "customer_details", json!({"first_name": "Ann"})),
            step(5, "order", json!({"order_id": "7", "total": 5})),
            add(6, "q"),
            step(7, "order_return", json!({"order_id": "7"})),
        ]);
        (state(&program), program.client.export("").pop().unwrap()["cursor"].as_str().unwrap().to_owned())
    };
    assert!(before.iter().all(|list| !list.is_empty()), "{before:?}");
    let program = Program::start(folder.path(), &["--project", "t:s", "--keep-events", "1ms"]);
    until("the log is empty", || program.client.export("").is_empty());
    assert_eq!(state(&program), before);
    until("it is counted", || program.client.counted("tillroll_events_trimmed_total") >= 7.0);

    // What happens next builds on what is known still.
    drop(program);
    let program = Program::start(folder.path(), &["--project", "t:s"]);
    program.client.store(&[step(8, "basket_add", json!({"product_id": "r", "quantity": 1}))]);
    let after: Vec<Value> = program.client.export(&format!("?after={cursor}"));
    assert_eq!((after.len(), &after[0]["email"]), (1, &json!("a@x.com")), "an old cursor goes on with what is new");
    let carts = program.client.list_of("t", "s", "carts");
    let text = json!(carts).to_string();
    // The one before it was left alone for so long that it stays as it was.
    assert_eq!(carts.len(), before[2].len() + 1, "{text}");
    assert!(text.contains("\"q\"") && text.contains("\"r\""), "{text}");
}

/// The time now, which no event that comes later shares.
fn now() -> u64 {
    let now = Clock::SYSTEM.millis();
    until("a millisecond is over", || Clock::SYSTEM.millis() > now);
    Clock::SYSTEM.millis()
}

/// Takes out everything that came before, as often as something is left to do.
fn trim(server: &Running, before: u64) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    while runtime.block_on(server.collector.store.trim(before, 3)).unwrap().has_more {}
}

/// Returns the types of the events that the file holds for the state, exported or not.
fn kept(server: &Running) -> Vec<String> {
    let database = server.database();
    let mut statement = database.prepare("SELECT type || ' ' || time FROM state_event ORDER BY seq").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn of_a_cart_that_goes_on_its_events_stay_and_of_one_that_was_left_they_go() {
    let server = Running::start();
    let of = |who: &str, number: u64, kind: &str, params: Value| {
        let mut event = step(number, kind, params);
        event["visitorId"] = json!(who);
        event
    };
    let add = |who: &str, number: u64, product: &str| of(who, number, "basket_add", json!({"product_id": product, "quantity": 1}));
    server.client.store(&[
        add("busy", 1, "paid"),
        of("busy", 2, "order", json!({"order_id": "7"})),
        add("busy", 3, "still"),
        add("stranger", 4, "left"),
        add("known", 5, "pending"),
        identify(6, 6, "known", "a@x.com"),
        of("stranger", 7, "customer_details", json!({"first_name": "Nobody"})),
        view(8, 8, "busy"),
    ]);
    let middle = now();
    server.client.store(&[add("busy", 9, "here")]);
    trim(&server, middle);
    assert_eq!(server.client.export("").len(), 1);
    assert_eq!(kept(&server), ["basket_add 3", "basket_add 9"], "only what the cart in use is made of stays");
    let carts = server.client.list_of("t", "s", "carts");
    let told = |product: &str| {
        let cart = carts
            .iter()
            .find(|cart| cart.to_string().contains(&format!("\"{product}\"")))
            .unwrap_or_else(|| panic!("{product}: {carts:?}"));
        (cart["status"].clone(), cart["customer"].clone(), cart["skus_count"].clone())
    };
    assert_eq!(told("here"), (json!("draft"), json!({"id": "busy"}), json!(2)));
    assert_eq!(told("left"), (json!("draft"), Value::Null, json!(1)), "nobody's");
    assert_eq!(told("pending"), (json!("pending"), json!({"id": "a@x.com", "email": "a@x.com"}), json!(1)));
    assert_eq!(carts.len(), 3);
    for secret in ["stranger", "Nobody"] {
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
    // Once the last one is over too, nothing is left of it but the cart.
    trim(&server, u64::MAX);
    assert_eq!(kept(&server), [""; 0]);
    assert_eq!(server.client.list_of("t", "s", "carts").len(), 3);
    // Whoever comes back begins a new one.
    server.client.store(&[add("busy", 20, "new")]);
    assert_eq!(server.client.list_of("t", "s", "carts").len(), 4);
}

#[test]
fn a_cart_whose_young_event_was_erased_is_left_as_well() {
    let server = Running::start();
    let add = |number: u64, product: &str| step(number, "basket_add", json!({"product_id": product, "quantity": 1}));
    server.client.store(&[add(1, "p")]);
    let middle = now();
    server.client.store(&[add(2, "a@x.com")]);
    trim(&server, middle);
    assert_eq!(kept(&server), ["basket_add 1", "basket_add 2"]);
    let request = ureq::http::Request::delete(server.client.url("/customers/a@x.com")).header("authorization", basic("t", "s"));
    assert_eq!(ureq::run(request.body(()).unwrap()).unwrap().status(), 200);
    assert_eq!(kept(&server), ["basket_add 1"]);
    trim(&server, u64::MAX);
    assert_eq!(kept(&server), [""; 0]);
    assert_eq!(server.database().query_row("SELECT COUNT(*) FROM event_id", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn what_a_customer_told_outlives_the_event_that_told_it_until_the_customer_is_erased() {
    let server = Running::start();
    let details = |number: u64, params: Value| step(number, "customer_details", params);
    server.client.store(&[
        details(5, json!({"first_name": "Ann", "last_name": "Bravo"})),
        identify(10, 10, "ab", "a@x.com"),
        step(11, "tag", json!({"tags": ["vip"]})),
    ]);
    let customer = |server: &Running| without_cursor(&server.client.list_of("t", "s", "customers"));
    let before = customer(&server);
    trim(&server, u64::MAX);
    assert_eq!((kept(&server).len(), customer(&server)), (0, before));
    // What is told later counts, what was told earlier does not, and neither takes away the rest.
    server.client.store(&[details(20, json!({"first_name": "Joan"})), details(3, json!({"last_name": "Late", "phone_number": "+46"}))]);
    let known = customer(&server).remove(0);
    let said = ["createdAt", "firstName", "lastName", "phoneNumber"].map(|name| known[name].clone());
    assert_eq!((said, &known["tags"]), ([json!(3), json!("Joan"), json!("Bravo"), json!("+46")], &json!(["vip"])));
    trim(&server, u64::MAX);
    assert_eq!(customer(&server), [known]);
    let request = ureq::http::Request::delete(server.client.url("/customers/a@x.com")).header("authorization", basic("t", "s"));
    assert_eq!(ureq::run(request.body(()).unwrap()).unwrap().status(), 200);
    server.client.store(&[identify(30, 30, "cd", "a@x.com")]);
    assert_eq!(customer(&server), [json!({"email": "a@x.com", "createdAt": 30, "tags": []})]);
}

#[test]
fn a_store_of_an_earlier_version_is_seen_to_as_well() {
    let server = Running::start();
    server.client.store(&[step(1, "basket_add", json!({"product_id": "left", "quantity": 1})), identify(2, 2, "cd", "a@x.com")]);
    // So it left what it had taken out of the log.
    server.database().execute("UPDATE log_head SET trimmed_until = 2", []).unwrap();
    assert_eq!(server.client.export("").len(), 0);
    trim(&server, 0);
    assert_eq!(kept(&server), [""; 0]);
    assert_eq!(server.client.list_of("t", "s", "carts")[0]["customer"], Value::Null);
}

#[test]
fn what_is_young_enough_stays() {
    // Two hours after the first events, and a little.
    fn later() -> u64 {
        Clock::SYSTEM.millis() + 7_200_000
    }
    let server = Running::start();
    let old: Vec<Value> = (0..1_200).map(|number| view(number, 1, "ab")).collect();
    for batch in old.chunks(400) {
        server.client.store(batch);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let trim = |before: u64, limit: usize| runtime.block_on(server.collector.store.trim(before, limit)).unwrap().deleted;
    assert_eq!(trim(Clock::SYSTEM.millis() - 3_600_000, 500), 0);
    assert_eq!(server.client.export("").len(), 1_200);
    let between = server.client.export("?limit=700").pop().unwrap()["cursor"].as_str().unwrap().to_owned();
    // Events go by the row, and each request has one of its own here.
    assert_eq!(trim(later(), 500), 400);
    assert_eq!((server.client.export("").len(), server.client.export(&format!("?after={between}")).len()), (800, 500));
    assert_eq!((trim(later(), 1), trim(later(), 800), trim(later(), 500)), (400, 400, 0));
    assert_eq!(server.client.store(&[view(5_000, 1, "ab")]), (1, 0));
    assert_eq!(server.client.export("").len(), 1);
}

#[test]
fn shoppers_do_not_wait_while_the_log_is_trimmed() {
    let folder = tempfile::tempdir().unwrap();
    {
        let program = Program::start(folder.path(), &["--project", "t:s"]);
        for batch in 0..40 {
            program.client.store(&(0..500).map(|number| view(batch * 500 + number, 1, "ab")).collect::<Vec<_>>());
        }
    }
    let program = Program::start(folder.path(), &["--project", "t:s", "--keep-events", "1s"]);
    let mut sent = 0;
    until("all that was old is gone", || {
        sent += 1;
        assert_eq!(program.client.store(&[view(100_000 + sent, 1, "ab")]), (1, 0));
        program.client.counted("tillroll_events_trimmed_total") >= 20_000.0
    });
    assert!(sent > 20, "{sent} requests were answered while 40 steps were taken");
}
