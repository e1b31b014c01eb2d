//! Nodes without faults: all have the same, and a new one joins.

use serde_json::Value;
use tillroll_cluster::{Collector, Senders, Stored, event, until};

use crate::group::{Group, run_program};

#[test]
fn what_one_node_accepts_is_on_all_of_them() {
    let group = Group::start(2);
    let [first, second] = [&group.nodes[0], &group.nodes[1]];
    assert_eq!(first.owner().unwrap(), second.owner().unwrap());
    let token = first.token().unwrap();
    let events: Vec<_> = (0..30).map(event).collect();
    let accepted = |node: &Collector| {
        let result = node.send(&token, &events);
        (result.status, serde_json::from_str::<Value>(&result.body).unwrap()["accepted"].as_u64())
    };
    assert_eq!(accepted(first), (200, Some(30)));
    // The page repeats at another node what it has no response for.
    assert_eq!(accepted(second), (200, Some(0)));
    second.send(&token, &(30..60).map(event).collect::<Vec<_>>());
    group.until_equal(60);
    assert_eq!(second.erase("a5@x.com"), Some(200));
    let export = group.until_equal(1);
    assert!(!export.contains("a5@x.com") && export.contains("a10@x.com"));
    for name in ["tillroll_log_published_total", "tillroll_log_lag_entries", "tillroll_log_lag_seconds", "tillroll_log_errors_total"] {
        assert!(first.metric(name).is_some(), "{name}");
    }
    // A secret that is replaced on one node is valid on the other.
    let (old, data) = (first.owner().unwrap(), first.data.to_str().unwrap());
    assert!(run_program(&["projects", "rotate-secret", &token, "--data", data]).status.success());
    let new = first.owner().unwrap();
    assert_ne!(new, old);
    until("the other node has the new secret", || second.get("/export/events", Some(&new)).is_some_and(|(status, _)| status == 200));
    until("the other node stores the new secret", || second.owner().is_ok_and(|owner| owner == new));
}

#[test]
fn a_node_joins_while_events_arrive_and_is_equal_to_the_others() {
    let mut group = Group::start(2);
    let key = group.key_file().to_str().unwrap().to_owned();
    let from = group.nodes[0].address.clone();
    let data = group.add("joined").data.to_str().unwrap().to_owned();
    let wrong_key = group.folder.path().join("wrong");
    std::fs::write(&wrong_key, "ff".repeat(32)).unwrap();
    let refused = run_program(&["join", "--from", &from, "--secret-file", wrong_key.to_str().unwrap(), "--data", &data]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("another key"));
    let (joins, token) = (&group.nodes[2], group.nodes[0].token().unwrap());
    let senders = Senders::default();
    let ((), acknowledged) = senders.run(&group.nodes[..2], &token, |senders| {
        assert!(senders.wait_for_more(200));
        let joined = run_program(&["join", "--from", &from, "--secret-file", &key, "--data", &data]);
        assert!(joined.status.success(), "{}", String::from_utf8_lossy(&joined.stderr));
        assert!(senders.wait_for_more(100));
        joins.start().unwrap();
        joins.wait_until_ready().unwrap();
        assert!(senders.wait_for_more(100));
    });
    assert_eq!(senders.wrong_responses(), Vec::<String>::new());
    Stored::new(&group.until_equal(acknowledged.len()), &acknowledged).assert_complete();
    // Without the log it does not start: it would become unequal to the others.
    joins.process.kill();
    let alone = run_program(&["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    assert!(!alone.status.success() && String::from_utf8_lossy(&alone.stderr).contains("belongs to a group"));
    assert!(run_program(&["leave", "--data", &data]).status.success());
    // A folder with data that the log does not have is refused.
    joins.start().unwrap();
    until("the node reports why it does not follow the log", || {
        joins.get("/readyz", None).is_some_and(|(status, text)| status == 503 && text.contains("tillroll join"))
    });
}
