//! Changes of projects and keys on two nodes at the same time.

use std::fs;

use serde_json::Value;
use tillroll_cluster::{Collector, until};

use crate::group::{Group, run_program};

const WARNING: &str = "at the same time";

/// Runs a command on the data folder of a node, which must succeed, and returns what it prints.
fn change(node: &Collector, arguments: &[&str]) -> String {
    let output = run_program(&[arguments, &["--data", node.data.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn file(node: &Collector, name: &str) -> String {
    fs::read_to_string(node.data.join(name)).unwrap()
}

fn is_accepted(node: &Collector, owner: &str) -> bool {
    node.get("/export/events", Some(owner)).is_some_and(|(status, _)| status == 200)
}

fn log(node: &Collector) -> String {
    fs::read_to_string(node.process.log()).unwrap()
}

/// Waits until both nodes accept all of these credentials and none of those, and have the same files.
fn until_both(nodes: [&Collector; 2], accepted: &[&str], refused: &[&str]) {
    let has_all =
        |node: &Collector| accepted.iter().all(|owner| is_accepted(node, owner)) && !refused.iter().any(|owner| is_accepted(node, owner));
    until("both nodes have the same projects and keys", || {
        let is_same = |name| file(nodes[0], name) == file(nodes[1], name);
        nodes.into_iter().all(has_all) && is_same("projects.json") && is_same("token-keys.json")
    });
}

#[test]
fn changes_of_different_projects_are_merged_and_of_the_same_project_the_first_stays() {
    let group = Group::start(2);
    let nodes = [&group.nodes[0], &group.nodes[1]];
    let [first, second] = nodes;
    let add = |node, token| change(node, &["projects", "add", token]);
    let rotate = |node, token| change(node, &["projects", "rotate-secret", token, "--grace", "0s"]);
    let [old_p, old_q, old_r] = ["p", "q", "r"].map(|token| add(first, token));
    until_both(nodes, &[&old_p, &old_q, &old_r], &[]);
    // The second node is stopped, so neither of them has the change of the other when it is made.
    second.process.kill();
    let (new_p, new_q) = (rotate(first, "p"), rotate(first, "q"));
    change(first, &["keys", "rotate"]);
    until("the first node has published its changes", || {
        let (published, keys) = (file(first, "group-files.json"), serde_json::from_str::<Value>(&file(first, "token-keys.json")).unwrap());
        [&new_p, &new_q].iter().all(|owner| published.contains(owner.split_once(':').unwrap().1))
            && keys.as_array().unwrap().iter().all(|key| published.contains(key["kid"].as_str().unwrap()))
    });
    let (new, undone, new_r) = (add(second, "s"), rotate(second, "q"), rotate(second, "r"));
    second.start().unwrap();
    second.wait_until_ready().unwrap();
    until_both(nodes, &[&new_p, &new_q, &new_r, &new], &[&old_p, &old_q, &old_r, &undone]);
    let warning = log(second).lines().find(|line| line.contains(WARNING)).unwrap_or_default().to_owned();
    assert!(["projects.json", "\"q\"", "repeat the command"].iter().all(|part| warning.contains(part)), "{warning}");
    assert!(!log(first).contains(WARNING));
    let repeated = rotate(second, "q");
    until_both(nodes, &[&repeated], &[&new_q]);
}

#[test]
fn two_nodes_that_change_projects_again_and_again_lose_no_change_and_warn_of_none() {
    let group = Group::start(2);
    let nodes = [&group.nodes[0], &group.nodes[1]];
    let added = std::thread::scope(|scope| {
        let add = |at: usize| (0..15).map(|number| change(nodes[at], &["projects", "add", &format!("node{at}-{number}")])).collect();
        let both: [_; 2] = [0, 1].map(|at| scope.spawn(move || -> Vec<String> { add(at) }));
        both.map(|thread| thread.join().unwrap()).concat()
    });
    let added: Vec<_> = added.iter().map(String::as_str).collect();
    until_both(nodes, &added, &[]);
    // One node that changes a file twice in the same moment conflicts with no other.
    let rotated: Vec<_> =
        added.iter().map(|owner| change(nodes[0], &["projects", "rotate-secret", owner.split(':').next().unwrap()])).collect();
    until_both(nodes, &rotated.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    assert!(nodes.iter().all(|node| !log(node).contains(WARNING)));
}

#[test]
fn the_first_projects_of_two_nodes_that_start_at_the_same_time_are_both_kept() {
    let mut group = Group::start(0);
    ["first", "second"].into_iter().for_each(|name| group.add(name).start().unwrap());
    group.nodes.iter().for_each(|node| node.wait_until_ready().unwrap());
    // One of them may have found the project of the other.
    let printed: Vec<_> = group.nodes.iter().filter_map(printed_owner).collect();
    assert!(!printed.is_empty());
    until_both([&group.nodes[0], &group.nodes[1]], &printed.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    assert!(group.nodes.iter().all(|node| !log(node).contains(WARNING)));
}

/// Returns the credentials that a node printed when it started.
fn printed_owner(node: &Collector) -> Option<String> {
    let log = log(node);
    let value = |name: &str| log.lines().find_map(|line| Some(line.trim().strip_prefix(name)?.trim().to_owned()));
    Some(format!("{}:{}", value("token:")?, value("secret:")?))
}
