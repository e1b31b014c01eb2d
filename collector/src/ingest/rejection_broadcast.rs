//! Who watches: what is told to the listeners of `/live/events`.
//!
//! Stored events are not sent through here. Each listener reads them from the log at its own pace, woken by the log's head, so that a slow
//! one costs nobody anything. Only rejections, which are stored nowhere, are passed from hand to hand, and a listener that is too slow for
//! them misses some.

use std::sync::Arc;

use tillroll_protocol::json_writer;
use tokio::sync::broadcast;

use crate::ingest::decode::RejectedEvent;

/// How many rejections a listener may be behind.
const BACKLOG: usize = 1024;

/// A refused event, as listeners are told.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The number of the project that it was meant for.
    pub project: i64,
    /// The data of the `rejected` event, as JSON.
    pub json: Arc<str>,
}

/// Tells listeners of rejections.
#[derive(Debug)]
pub struct RejectionBroadcast(broadcast::Sender<Rejected>);

impl Default for RejectionBroadcast {
    fn default() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

impl RejectionBroadcast {
    /// Tells everybody who listens of a refused event.
    pub fn reject(&self, project: i64, refusal: &RejectedEvent) {
        if self.0.receiver_count() > 0 {
            // The last listener may have left in between.
            let _ = self.0.send(Rejected { project, json: describe(refusal).into() });
        }
    }

    /// Begins to listen.
    pub fn listen(&self) -> broadcast::Receiver<Rejected> {
        self.0.subscribe()
    }
}

fn describe(refusal: &RejectedEvent) -> String {
    let mut out = String::from("{");
    for (name, text) in [("id", &refusal.id), ("type", &refusal.kind)] {
        json_writer::push_key(&mut out, name);
        match text {
            Some(text) => json_writer::push_string(&mut out, text),
            None => out.push_str("null"),
        }
    }
    json_writer::push_field(&mut out, "code", refusal.reason.code());
    json_writer::push_field(&mut out, "message", &refusal.reason.to_string());
    json_writer::push_key(&mut out, "time");
    match refusal.time {
        Some(time) => json_writer::push_integer(&mut out, time),
        None => out.push_str("null"),
    }
    out.push('}');
    out
}
