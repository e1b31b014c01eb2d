//! Visits whose events have expired: their figures stay, also in a projection that is filled again.

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use super::FLAGS;
use super::api_client::{decade, query, send};
use super::server::{Client, EPOCH, ServerProcess, basic, id, until};

const SENT_AT: u64 = EPOCH + 60_000;

fn event(number: u64, session: &str, kind: &str, params: &Value) -> Value {
    json!({"id": id(number), "type": kind, "api": "tillroll", "time": EPOCH + number * 1_000, "visitorId": format!("visitor {session}"),
        "sessionId": session, "params": params, "page": {"url": format!("https://shop.example/{number}")}})
}

fn visits(client: &Client) -> Vec<Value> {
    let fields =
        ["visit.id", "visit.events_count", "visit.pages_count", "visit.revenue", "visit.entry_path", "source.channel", "customer.email"];
    let body = json!({"search": {"fields": fields, "sort": "asc", "sort_by": "visit.started_at"}, "filter": {"visit": decade()}});
    query(client, "visits/search", &body)["data"].as_array().unwrap().clone()
}

#[test]
fn figures_of_expired_visits_stay_after_an_erasure_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let program = ServerProcess::start(folder.path(), FLAGS);
    let land = json!({"current_url": "https://shop.example/?utm_medium=email", "source_url": ""});
    program.client.store_as_sent_at(
        SENT_AT,
        &[
            event(1, "a", "land", &land),
            event(2, "a", "page_view", &json!({})),
            event(3, "a", "identify", &json!({"email": "jo@x.com"})),
            event(4, "a", "order", &json!({"order_id": "7", "total": 5, "currency": "EUR"})),
            event(5, "b", "page_view", &json!({})),
        ],
    );
    assert_eq!(visits(&program.client)[0]["customer"]["email"], "jo@x.com");
    drop(program);

    let mut program = ServerProcess::start(folder.path(), &[FLAGS, &["--keep-events", "1ms"]].concat());
    until("the log is empty", || program.client.export("").is_empty());
    let expired = visits(&program.client);
    let [first, second] = [&expired[0], &expired[1]].map(|visit| visit["id"].as_str().unwrap());
    let expected = json!([
        {"id": first, "events_count": 4, "pages_count": 1, "revenue": 5.0, "entry_path": "/1", "source": {"channel": "email"}},
        {"id": second, "events_count": 1, "pages_count": 1, "entry_path": "/5", "source": {"channel": "direct"}},
    ]);
    assert_eq!(json!(expired), expected);
    let (status, response) = send(&program.client, "DELETE", "/customers/jo@x.com", &[("authorization", &basic("t", "secret"))], "");
    assert_eq!(status, 200, "{response}");
    kill_process(program.pid(), Signal::TERM).unwrap();
    assert!(program.child.wait().unwrap().success());

    let program = ServerProcess::start(folder.path(), FLAGS);
    assert_eq!(visits(&program.client), expired);
    program.client.store_as_sent_at(SENT_AT, &[event(6, "a", "page_view", &json!({}))]);
    let with_new = visits(&program.client);
    assert_eq!((&with_new[..2], &with_new[2]["id"]), (&expired[..], &json!("a")), "the session goes on as a new visit");
}
