//! Nodes without faults: all have the same, and a new one joins.

use crate::group::{Group, run_program, until};
use crate::senders::{Senders, check, event};

#[test]
fn what_one_node_accepts_is_on_all_of_them() {
    let group = Group::start(2);
    let [first, second] = [&group.nodes[0], &group.nodes[1]];
    assert_eq!(first.owner(), second.owner());
    let events: Vec<_> = (0..30).map(event).collect();
    let accepted = |node: &crate::group::Node| node.send(&events).map(|(status, _, counts)| (status, counts["accepted"].as_u64()));
    assert_eq!(accepted(first), Some((200, Some(30))));
    // The page repeats at another node what it has no response for.
    assert_eq!(accepted(second), Some((200, Some(0))));
    second.send(&(30..60).map(event).collect::<Vec<_>>()).unwrap();
    group.until_equal(60);
    assert_eq!(second.erase("a5@x.com"), Some(200));
    let export = group.until_equal(1);
    assert!(!export.contains("a5@x.com") && export.contains("a10@x.com"));
    for name in ["tillroll_log_published_total", "tillroll_log_lag_entries", "tillroll_log_lag_seconds", "tillroll_log_errors_total"] {
        assert!(first.metric(name).is_some(), "{name}");
    }
    // A secret that is replaced on one node is valid on the other.
    let (old, data) = (first.owner(), first.data.to_str().unwrap());
    let token = old.split(':').next().unwrap();
    assert!(run_program(&["projects", "rotate-secret", token, "--data", data]).status.success());
    let new = first.owner();
    assert_ne!(new, old);
    until("the other node has the new secret", || second.get("/export/events", Some(&new)).is_some_and(|(status, _)| status == 200));
    until("the other node stores the new secret", || second.owner() == new);
}

#[test]
fn a_node_joins_while_events_arrive_and_is_equal_to_the_others() {
    let mut group = Group::start(2);
    let key = group.key_file().to_str().unwrap().to_owned();
    let from = group.nodes[0].address();
    let data = group.add("joined").data.to_str().unwrap().to_owned();
    let wrong_key = group.folder.path().join("wrong");
    std::fs::write(&wrong_key, "ff".repeat(32)).unwrap();
    let refused = run_program(&["join", "--from", &from, "--secret-file", wrong_key.to_str().unwrap(), "--data", &data]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("another key"));
    let senders = Senders::default();
    let acknowledged = senders.run(&group, 2, |senders| {
        senders.until_more(200);
        let joined = run_program(&["join", "--from", &from, "--secret-file", &key, "--data", &data]);
        assert!(joined.status.success(), "{}", String::from_utf8_lossy(&joined.stderr));
        senders.until_more(100);
        group.nodes[2].start();
        group.nodes[2].until_ready();
        senders.until_more(100);
    });
    check(&group.until_equal(acknowledged.len()), &acknowledged);
    // Without the log it does not start: it would become unequal to the others.
    group.nodes[2].kill();
    let alone = run_program(&["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    assert!(!alone.status.success() && String::from_utf8_lossy(&alone.stderr).contains("belongs to a group"));
    assert!(run_program(&["leave", "--data", &data]).status.success());
    // A folder with data that the log does not have is refused.
    group.nodes[2].start();
    until("the node reports why it does not follow the log", || {
        group.nodes[2].get("/readyz", None).is_some_and(|(status, text)| status == 503 && text.contains("tillroll join"))
    });
}
