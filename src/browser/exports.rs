//! The border between the core and JavaScript: the host functions that the core calls, and the exports that JavaScript calls.
//!
//! Strings cross inward, one call at a time; reports cross outward as arrays.

#![expect(unreachable_pub, reason = "JavaScript calls them through the generated glue")]

use gloo_net::http::Response;
use js_sys::Array;
use tillroll_protocol::flat_format::FlatValue;
use tillroll_protocol::number_text;
use wasm_bindgen::prelude::*;

use super::{PAGE, Page, dispatch};
use crate::effect::Report;
use crate::input::{Input, SavedState, SendResult, Start};
use crate::queue::StoredEntry;

#[wasm_bindgen]
extern "C" {
    /// The host functions of `js/core/host.js`: event store, shared state, requests, timer, and the page's listeners. None of them throws.
    pub type Host;

    /// Persists a text under a key.
    #[wasm_bindgen(method)]
    pub fn put(this: &Host, key: &str, text: &str);

    /// Deletes the texts of `keys`, which are separated by commas.
    #[wasm_bindgen(method)]
    pub fn delete(this: &Host, keys: &str);

    /// Reads all persisted texts and passes them to [`restore`](self::restore).
    #[wasm_bindgen(method)]
    pub fn restore(this: &Host);

    /// Deletes all persisted texts.
    #[wasm_bindgen(method)]
    pub fn clear(this: &Host);

    /// Writes a cookie, or the dedup state if `name` is [`DEDUP`](super::DEDUP); an empty value deletes it.
    #[wasm_bindgen(method, js_name = writeState)]
    pub fn write_state(this: &Host, name: &str, value: &str);

    /// Posts a batch and calls [`on_response`] once, also if the request fails. Aborts the request before.
    #[wasm_bindgen(method)]
    pub fn post(this: &Host, request: u32, body: &str);

    /// Sends a batch as a beacon.
    #[wasm_bindgen(method)]
    pub fn beacon(this: &Host, body: &str);

    /// Aborts the current request.
    #[wasm_bindgen(method)]
    pub fn abort(this: &Host);

    /// Calls [`on_timer`] after `delay` milliseconds and replaces the timer before; a negative delay only clears that.
    #[wasm_bindgen(method)]
    pub fn schedule(this: &Host, delay: f64);

    /// Passes a report to the page's listeners.
    #[wasm_bindgen(method)]
    pub fn report(this: &Host, report: JsValue);
}

/// Starts the core. `options` is a flat text with `token`, `version`, `consent`, `visitor`, `session` and `notes` (the shared state), and `made`
/// (an anonymous id that the shop's server generated). `key` and `call` are the load call, which marks when the page loaded.
#[wasm_bindgen]
pub fn start(host: Host, options: String, key: String, call: String) {
    PAGE.set(Some(Box::leak(Box::new(Page { tracker: Default::default(), host }))));
    let options = FlatValue::new(&options);
    dispatch(Input::Start(&Start {
        token: options.text("token"),
        version: options.text("version"),
        consent: options.text("consent"),
        saved: SavedState { visitor: options.text("visitor"), session: options.text("session"), dedup: options.text("notes") },
        server_id: options.text("made"),
        load_call: StoredEntry::new(&key, &call),
    }));
}

/// Processes a call, or adopts an event that another tab has persisted.
#[wasm_bindgen]
pub fn call(key: String, text: String) {
    dispatch(Input::Call(StoredEntry::new(&key, &text)));
}

/// Restores persisted texts: `entries` has keys and texts alternately, in the order of the keys.
#[wasm_bindgen]
pub fn restore(entries: Array) {
    let text = |at: u32| entries.get(at).as_string().unwrap_or_default();
    let mut items = Vec::new();
    let mut at = 0;
    while at < entries.length() {
        items.push(StoredEntry::new(text(at), text(at + 1)));
        at += 2;
    }
    dispatch(Input::Restored(&items));
}

/// Finishes a request. `response` is None if the request failed. `text` is the body: a body that is not read keeps using the browser's quota
/// for `keepalive` requests.
#[wasm_bindgen(js_name = onResponse)]
pub fn on_response(request: u32, response: Option<web_sys::Response>, text: String) {
    let mut answer = SendResult { request, body: text, ..SendResult::default() };
    if let Some(response) = response.map(Response::from) {
        let seconds = response.headers().get("retry-after").and_then(|seconds| number_text::parse_integer(&seconds));
        answer.retry_after = seconds.map(|seconds| seconds.wrapping_mul(1_000));
        answer.status = response.status();
    }
    dispatch(Input::RequestDone(&answer));
}

/// Sends all events now.
#[wasm_bindgen]
pub fn flush() {
    dispatch(Input::Flush);
}

/// Sets the visitor's consent: `granted`, `denied` or `pending`.
#[wasm_bindgen]
pub fn consent(state: String) {
    dispatch(Input::Consent(&state));
}

/// Starts a new anonymous visitor, whose id derives from the seed of the call.
#[wasm_bindgen]
pub fn reset(key: String, call: String) {
    dispatch(Input::Reset(StoredEntry::new(&key, &call)));
}

/// The timer has fired.
#[wasm_bindgen(js_name = onTimer)]
pub fn on_timer() {
    dispatch(Input::Timer);
}

/// The page is hidden.
#[wasm_bindgen]
pub fn hidden() {
    dispatch(Input::Hidden);
}

/// The page closes, or enters the back/forward cache.
#[wasm_bindgen]
pub fn pagehide() {
    dispatch(Input::PageHide);
}

/// The page is restored from the back/forward cache.
#[wasm_bindgen]
pub fn pageshow() {
    dispatch(Input::PageShow);
}

/// Applies shared state that this page or another tab has written. An empty visitor or session means no change.
#[wasm_bindgen(js_name = onState)]
pub fn on_state(visitor: String, session: String, notes: String) {
    dispatch(Input::StateChanged(SavedState { visitor: &visitor, session: &session, dedup: &notes }));
}

/// This tab has become the leader, or is no longer.
#[wasm_bindgen(js_name = onLeader)]
pub fn on_leader(is_leader: bool) {
    dispatch(Input::Leader(is_leader));
}

/// Another tab has deleted the events with these keys, which are separated by commas.
#[wasm_bindgen(js_name = deletedElsewhere)]
pub fn deleted_elsewhere(keys: String) {
    dispatch(Input::DeletedElsewhere(&keys));
}

/// The browser is online again.
#[wasm_bindgen]
pub fn online() {
    dispatch(Input::Online);
}

/// Returns a report as an array of its fields. A struct would become an object, but its field names cost a page a hash table.
pub(super) fn to_js(report: &Report) -> JsValue {
    let fields = (report.name, report.count, report.reason, report.field, report.response.as_str());
    serde_wasm_bindgen::to_value(&fields).unwrap_or(JsValue::NULL)
}
