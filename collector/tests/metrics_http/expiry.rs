//! Visits whose events have expired: their figures stay, also in a projection that is filled again.

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use tillroll_collector::store::FILE;

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

#[test]
fn visit_of_which_some_events_have_expired_stays_one_visit() {
    let folder = tempfile::tempdir().unwrap();
    let land = json!({"current_url": "https://shop.example/?gclid=1&utm_campaign=c1", "source_url": ""});
    {
        let program = ServerProcess::start(folder.path(), FLAGS);
        program.client.store_as_sent_at(
            SENT_AT,
            &[
                event(1, "a", "land", &land),
                event(2, "a", "identify", &json!({"email": "jo@x.com"})),
                event(3, "a", "order", &json!({"order_id": "7", "total": 50, "currency": "EUR"})),
            ],
        );
        program.client.store_as_sent_at(
            SENT_AT,
            &[event(4, "a", "page_view", &json!({})), event(5, "b", "identify", &json!({"email": "other@x.com"}))],
        );
        assert_eq!(visits(&program.client)[0]["events_count"], 4);
    }
    let database = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    database.execute("UPDATE segment SET received_at = 0 WHERE last_seq = (SELECT min(last_seq) FROM segment)", []).unwrap();
    drop(database);

    let flags = [FLAGS, &["--keep-events", "1d"]].concat();
    let mut program = ServerProcess::start(folder.path(), &flags);
    until("the first events have expired", || program.client.export("").len() == 2);
    let expired = visits(&program.client);
    let expected = json!({"id": expired[0]["id"], "events_count": 4, "pages_count": 1, "revenue": 50.0, "entry_path": "/1", "source": {"channel": "paid"}});
    assert_eq!((expired.len(), &expired[0]), (2, &expected));
    program.client.store_as_sent_at(SENT_AT, &[event(6, "a", "page_view", &json!({}))]);
    assert_eq!(visits(&program.client), expired, "a further event makes no second visit");
    let events = |client: &Client| {
        let by_channel = json!({"by": "source.channel", "field": "event.id", "operator": "value_count"});
        query(client, "events/breakdown", &json!({"breakdown": by_channel, "filter": {"event": decade()}}))["data"]["source.channel"]
            .clone()
    };
    let by_channel = json!([{"label": "paid", "value": 2}, {"label": "direct", "value": 1}]);
    assert_eq!(events(&program.client), by_channel);

    let (status, response) = send(&program.client, "DELETE", "/customers/other@x.com", &[("authorization", &basic("t", "secret"))], "");
    assert_eq!(status, 200, "{response}");
    kill_process(program.pid(), Signal::TERM).unwrap();
    assert!(program.child.wait().unwrap().success());
    let program = ServerProcess::start(folder.path(), &flags);
    assert_eq!((&visits(&program.client)[..], &events(&program.client)), (&expired[..1], &json!([by_channel[0]])));
}
