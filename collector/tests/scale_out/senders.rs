//! Senders that do what a page does: they repeat a batch until a collector acknowledges it, each time at another one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use serde_json::{Value, json};
use tillroll_collector::clock;

use crate::group::{Group, until};

/// How many batches are sent at the same time.
const SENDERS: usize = 4;

/// The numbers of events.
#[derive(Default)]
pub(crate) struct Senders {
    next: AtomicU64,
    acknowledged: AtomicU64,
    stop: AtomicBool,
}

/// Returns the id of an event.
pub(crate) fn id(number: u64) -> String {
    format!("01890a5d-0000-7000-8000-{number:012x}")
}

/// Returns an event: every fifth identifies its visitor.
pub(crate) fn event(number: u64) -> Value {
    let visitor = format!("v{}", number % 40);
    let (kind, params) = match number % 5 {
        0 => ("identify", json!({"email": format!("a{}@x.com", number % 40)})),
        1 => ("basket_add", json!({"product_id": "2", "quantity": 1})),
        _ => ("product_view", json!({"product_id": "2"})),
    };
    let (time, session) = (1_600_000_000_000_u64 + number, format!("s{}", number % 120));
    json!({"id": id(number), "type": kind, "api": "metrilo", "time": time, "visitorId": visitor, "sessionId": session, "params": params})
}

impl Senders {
    /// Sends while `work` runs. Returns the numbers of the acknowledged events.
    pub(crate) fn run(&self, group: &Group, nodes: usize, work: impl FnOnce(&Self)) -> BTreeSet<u64> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..SENDERS).map(|at| scope.spawn(move || self.send(group, nodes, at))).collect();
            work(self);
            self.stop.store(true, Relaxed);
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    }

    /// Waits until so many more events are acknowledged.
    pub(crate) fn until_more(&self, count: u64) {
        let before = self.acknowledged.load(Relaxed);
        until("events are acknowledged", || self.acknowledged.load(Relaxed) >= before + count);
    }

    fn send(&self, group: &Group, nodes: usize, sender: usize) -> Vec<u64> {
        let mut acknowledged = Vec::new();
        for size in (1..9).cycle() {
            if self.stop.load(Relaxed) {
                break;
            }
            let first = self.next.fetch_add(size, Relaxed);
            let events: Vec<Value> = (first..first + size).map(event).collect();
            let mut at = sender;
            loop {
                let response = group.nodes[at % nodes].send(&events);
                if let Some((200, _, counts)) = response {
                    let of = |name: &str| counts[name].as_u64().unwrap();
                    assert_eq!((of("accepted") + of("duplicates"), counts["rejected"].as_array().map(Vec::len)), (size, Some(0)));
                    break;
                }
                let is_refused = response.is_none_or(|(status, retry_after, _)| status == 503 && retry_after.is_some());
                assert!(is_refused, "a request is answered with 200, with 503 and a time, or not at all");
                at += 1;
                clock::sleep(std::time::Duration::from_millis(20)); // poll
            }
            acknowledged.extend(first..first + size);
            self.acknowledged.fetch_add(size, Relaxed);
        }
        acknowledged
    }
}

/// Panics if an acknowledged event is missing, or an event is there twice.
pub(crate) fn check(export: &str, acknowledged: &BTreeSet<u64>) {
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for line in export.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        *found.entry(event["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let twice: Vec<_> = found.iter().filter(|(_, count)| **count > 1).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|number| !found.contains_key(&id(**number))).collect();
    assert!(twice.is_empty() && lost.is_empty(), "twice {twice:?}, lost {lost:?} of {}", acknowledged.len());
}
