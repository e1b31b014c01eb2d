//! Old events leave the log; what is true of the shop stays.

use serde_json::{Value, json};
use tillroll_collector::clock::Clock;

use crate::server::{Program, Running, identify, until, view};

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
    assert_eq!(carts.len(), before[2].len(), "{text}");
    assert!(text.contains("\"q\"") && text.contains("\"r\""), "{text}");
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
    let trim = |before: u64, limit: usize| runtime.block_on(server.collector.store.trim(before, limit)).unwrap();
    assert_eq!(trim(Clock::SYSTEM.millis() - 3_600_000, 500), 0);
    assert_eq!(server.client.export("").len(), 1_200);
    let between = server.client.export("?limit=700").pop().unwrap()["cursor"].as_str().unwrap().to_owned();
    assert_eq!(trim(later(), 500), 500);
    assert_eq!((server.client.export("").len(), server.client.export(&format!("?after={between}")).len()), (700, 500));
    assert_eq!((trim(later(), 500), trim(later(), 500), trim(later(), 500)), (500, 200, 0));
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
