//! Rejections for the subscribers of `/live/events`.
//!
//! Stored events do not pass through here: each subscriber reads them from the event log at its own pace, so a slow subscriber delays no
//! other. Rejections are stored nowhere and are broadcast from memory; a subscriber that is too slow misses some.

use std::sync::Arc;

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

/// Broadcasts rejections to subscribers.
#[derive(Debug)]
pub struct RejectionBroadcast(broadcast::Sender<RejectionNotice>);

impl Default for RejectionBroadcast {
    fn default() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }
}

impl RejectionBroadcast {
    /// Publishes a rejected event.
    pub fn publish(&self, project: i64, rejected: &RejectedEvent) {
        if self.0.receiver_count() > 0 {
            // An error means that the last subscriber has left in between.
            let _ = self.0.send(RejectionNotice { project, json: to_json(rejected).into() });
        }
    }

    /// Returns a receiver of all rejections from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<RejectionNotice> {
        self.0.subscribe()
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
