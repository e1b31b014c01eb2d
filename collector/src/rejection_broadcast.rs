//! Rejections for the subscribers of `/live/events`.
//!
//! Stored events do not pass through here: each subscriber reads them from the event log at its own pace, so a slow subscriber delays no
//! other. Rejections are stored nowhere and are broadcast from memory; a subscriber that is too slow misses some. An ephemeral collector
//! also records them in memory, for the tests of a shop.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tillroll_protocol::json_writer;
use tokio::sync::broadcast;

use crate::decode::rejection::RejectedEvent;

/// How many rejections a subscriber may fall behind.
const CAPACITY: usize = 1024;

/// A rejected event, as subscribers receive it.
#[derive(Clone, Debug)]
pub struct RejectionNotice {
    /// The number of the project that the event was sent to.
    pub project: i64,
    /// The data of the `rejected` event, as JSON.
    pub json: Arc<str>,
}

/// The most recorded rejections; further ones are not recorded.
const MAX_RECORDED: usize = 10_000;

/// Broadcasts rejections to subscribers.
#[derive(Debug)]
pub struct RejectionBroadcast {
    sender: broadcast::Sender<RejectionNotice>,
    recorded: Option<Mutex<Vec<RejectionNotice>>>,
}

impl RejectionBroadcast {
    /// Creates a broadcast, which also records the rejections if `is_recording`.
    pub fn new(is_recording: bool) -> Self {
        Self { sender: broadcast::Sender::new(CAPACITY), recorded: is_recording.then(Mutex::default) }
    }

    /// Publishes a rejected event.
    pub fn publish(&self, project: i64, rejected: &RejectedEvent) {
        if self.sender.receiver_count() == 0 && self.recorded.is_none() {
            return;
        }
        let notice = RejectionNotice { project, json: to_json(rejected).into() };
        if let Some(mut recorded) = self.lock_recorded().filter(|recorded| recorded.len() < MAX_RECORDED) {
            recorded.push(notice.clone());
        }
        // An error means that there is no subscriber.
        let _ = self.sender.send(notice);
    }

    /// Returns the recorded rejections of a project, as JSON, oldest first.
    pub fn recorded(&self, project: i64) -> Vec<Arc<str>> {
        let of_project = |notice: &&RejectionNotice| notice.project == project;
        self.lock_recorded()
            .map_or_else(Vec::new, |recorded| recorded.iter().filter(of_project).map(|notice| Arc::clone(&notice.json)).collect())
    }

    /// Deletes the recorded rejections.
    pub fn clear_recorded(&self) {
        if let Some(mut recorded) = self.lock_recorded() {
            recorded.clear();
        }
    }

    fn lock_recorded(&self) -> Option<MutexGuard<'_, Vec<RejectionNotice>>> {
        self.recorded.as_ref().map(|recorded| recorded.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns a receiver of all rejections from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<RejectionNotice> {
        self.sender.subscribe()
    }
}

fn to_json(rejected: &RejectedEvent) -> String {
    let mut out = String::from("{");
    for (name, text) in [("id", &rejected.id), ("type", &rejected.kind)] {
        json_writer::push_key(&mut out, name);
        match text {
            Some(text) => json_writer::push_string(&mut out, text),
            None => out.push_str("null"),
        }
    }
    json_writer::push_field(&mut out, "code", rejected.reason.code());
    json_writer::push_field(&mut out, "message", &rejected.reason.to_string());
    json_writer::push_key(&mut out, "time");
    match rejected.time {
        Some(time) => json_writer::push_integer(&mut out, time),
        None => out.push_str("null"),
    }
    out.push('}');
    out
}
