//! Senders that do what pages do: they repeat a batch after the delays of a page until a collector acknowledges it, each time at the next
//! one that a load balancer lists.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tillroll::delivery::SendOutcome;
use tillroll::{Millis, backoff};

use crate::{BatchResult, Collector, within};

/// The longest time without an acknowledgement.
const MAX_SILENCE: Duration = Duration::from_secs(120);

/// What is sent, and what became of it.
pub struct Senders {
    /// How many batches are sent at the same time.
    senders: usize,
    /// The pause of each sender between two batches.
    pause: Duration,
    next_event: AtomicU64,
    next_collector: AtomicUsize,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    unanswered: AtomicU64,
    wrong: Mutex<Vec<String>>,
    is_stopped: Mutex<bool>,
    stopped: Condvar,
}

impl Default for Senders {
    fn default() -> Self {
        Self::new(4, Duration::ZERO)
    }
}

/// Returns the id of an event.
pub fn id(number: u64) -> String {
    format!("01890a5d-0000-7000-8000-{number:012x}")
}

/// Returns an event: every fifth identifies its visitor.
pub fn event(number: u64) -> Value {
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
    /// So many senders, which pause between two batches.
    pub fn new(senders: usize, pause: Duration) -> Self {
        Self {
            senders,
            pause,
            next_event: AtomicU64::new(0),
            next_collector: AtomicUsize::new(0),
            acknowledged: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            wrong: Mutex::default(),
            is_stopped: Mutex::new(false),
            stopped: Condvar::new(),
        }
    }

    /// Sends to `collectors`, which have the project `token`, while `work` runs. Returns its result and the numbers of the acknowledged events.
    pub fn run<T>(&self, collectors: &[Collector], token: &str, work: impl FnOnce(&Self) -> T) -> (T, BTreeSet<u64>) {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.senders).map(|_| scope.spawn(|| self.send_batches(collectors, token))).collect();
            let stop = StopAtEnd(self);
            let result = work(self);
            drop(stop);
            (result, threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect())
        })
    }

    /// Waits until this many more events are acknowledged; returns false if that takes too long.
    pub fn wait_for_more(&self, count: u64) -> bool {
        let before = self.acknowledged.load(Relaxed);
        within(MAX_SILENCE, || self.acknowledged.load(Relaxed) >= before + count)
    }

    /// Returns how many events are acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Relaxed)
    }

    /// Returns how many requests were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Returns how many requests got no response.
    pub fn unanswered(&self) -> u64 {
        self.unanswered.load(Relaxed)
    }

    /// Returns the responses that are neither an acknowledgement nor a refusal with a time.
    pub fn wrong_responses(&self) -> Vec<String> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn send_batches(&self, collectors: &[Collector], token: &str) -> Vec<u64> {
        let mut acknowledged = Vec::new();
        for size in (1..9).cycle() {
            let first = self.next_event.fetch_add(size, Relaxed);
            let events: Vec<Value> = (first..first + size).map(event).collect();
            if !self.send_until_acknowledged(collectors, token, &events) {
                break;
            }
            acknowledged.extend(first..first + size);
            self.acknowledged.fetch_add(size, Relaxed);
            if self.wait(self.pause) {
                break;
            }
        }
        acknowledged
    }

    /// Returns false if the senders are stopped before.
    fn send_until_acknowledged(&self, collectors: &[Collector], token: &str, events: &[Value]) -> bool {
        let mut failures = 0;
        loop {
            let collector = self.balance(collectors);
            let result = collector.send(token, events);
            match result.outcome() {
                SendOutcome::Acked if has_all(&result, events.len()) => return true,
                SendOutcome::Retry if result.status == 0 => _ = self.unanswered.fetch_add(1, Relaxed),
                SendOutcome::Retry if result.status == 503 && result.retry_after.is_some() => _ = self.refused.fetch_add(1, Relaxed),
                _ => {
                    let text = format!("{}: status {}: {}", collector.name, result.status, result.body);
                    self.wrong.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                }
            }
            failures += 1;
            let jitter = self.next_collector.load(Relaxed) as u8;
            let delay: Millis = backoff::delay(failures, jitter, result.retry_after.unwrap_or(0));
            if self.wait(Duration::from_millis(delay)) {
                return false;
            }
        }
    }

    /// Returns the next collector that the load balancer lists, or the next one if it lists none.
    fn balance<'a>(&self, collectors: &'a [Collector]) -> &'a Collector {
        let start = self.next_collector.fetch_add(1, Relaxed);
        let next = (start..start + collectors.len()).map(|at| &collectors[at % collectors.len()]);
        let listed = next.clone().find(|collector| collector.is_listed.load(Relaxed));
        listed.unwrap_or(&collectors[start % collectors.len()])
    }

    /// Waits for this time, or until the senders are stopped; returns whether they are.
    fn wait(&self, time: Duration) -> bool {
        let is_stopped = self.is_stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let result = self.stopped.wait_timeout_while(is_stopped, time, |is_stopped| !*is_stopped);
        *result.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Stops the senders, also if the work panics.
struct StopAtEnd<'a>(&'a Senders);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        *self.0.is_stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.stopped.notify_all();
    }
}

/// Returns whether a response acknowledges so many events, and rejects none.
fn has_all(result: &BatchResult, count: usize) -> bool {
    let response: Value = serde_json::from_str(&result.body).unwrap_or_default();
    let of = |name: &str| response[name].as_u64().unwrap_or_default();
    of("accepted") + of("duplicates") == count as u64 && response["rejected"].as_array().is_some_and(Vec::is_empty)
}
