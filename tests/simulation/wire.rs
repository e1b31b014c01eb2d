//! What the tabs of the simulation exchange: calls as a page records them, messages, the bodies of requests, and responses.

use serde_json::Value;
use tillroll::Millis;
use tillroll::queue::StoredEntry;

use crate::steps::RequestOutcome;

/// The types of calls with a name, and where it stands in the parameters of their events.
pub(crate) const KINDS: [(&str, &str); 4] =
    [("custom", "/name"), ("order", "/order_id"), ("identify", "/profile_id"), ("basket_update", "/lines/0/product_id")];

/// The saved state of the browser. In a message, an empty visitor or session changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SavedState {
    pub(crate) visitor: String,
    pub(crate) session: String,
    pub(crate) dedup: String,
}

/// A message from one tab to the others.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Shared(StoredEntry),
    Deleted(String),
    SavedState(SavedState),
}

/// Returns the status of a response, and the texts of the input about it. `stored` is what a collector that has stored the calls responds.
pub(crate) fn response(outcome: RequestOutcome, stored: &str) -> (u16, String) {
    match outcome {
        RequestOutcome::Stored => (200, format!("\0{stored}")),
        RequestOutcome::StoredWithoutResponse | RequestOutcome::Lost => (0, String::new()),
        RequestOutcome::Status(status, retry_after_secs) => (status, retry_after_secs.map_or_else(String::new, |secs| secs.to_string())),
        RequestOutcome::CaptivePortal => (200, "\0<html>".into()),
    }
}

/// Returns a recorded call.
pub(crate) fn call(kind: &str, name: &str, time: Millis, seed: &str) -> String {
    let fields = [("seed", seed), ("api", "metrilo"), ("type", kind), ("url", "https://shop/")];
    let members: String = fields.iter().map(|(key, value)| format!(":{key}\u{1f}${value}\u{1f}")).collect();
    let param = |key: &str| format!("{{:{key}\u{1f}${name}\u{1f}}}");
    let params = match kind {
        "order" => param("order_id"),
        "identify" => param("profile_id"),
        "basket_update" => format!("{{:lines\u{1f}[{}]}}", param("product_id")),
        _ => param("name"),
    };
    format!("{{:time\u{1f}#{time}\u{1f}{members}:params\u{1f}{params}}}")
}

/// Returns the name of an event's call; None if the type has no name.
pub(crate) fn name(kind: &str, params: &str) -> Option<String> {
    let (_, pointer) = KINDS.iter().find(|(named, _)| *named == kind)?;
    let params: Value = serde_json::from_str(params).expect("parameters are JSON");
    Some(params.pointer(pointer).and_then(Value::as_str).expect("a name").into())
}

/// Returns the recorded call of an entry, without the decisions, which may name another call.
pub(crate) fn call_of(text: &str) -> &str {
    text.split_once("}{").map_or(text, |(call, _)| call)
}

/// Returns the body of a request, as `js/calls/call-queue.js` composes it.
pub(crate) fn body(entries: &str, dropped: f64) -> String {
    let dropped = if dropped > 0.0 { format!(":dropped\u{1f}#{dropped}\u{1f}") } else { String::new() };
    let body = format!("{{:token\u{1f}$t\u{1f}:form\u{1f}#2\u{1f}{dropped}:queue\u{1f}[{entries}]}}");
    assert!(body.len() < 60 * 1024, "a request that does not fit a beacon");
    body
}
