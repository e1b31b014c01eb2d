//! The border between the core and JavaScript: what the core calls, and the exports that JavaScript calls.
//!
//! Strings cross inward, three at a time; effects and reports cross outward in parts.

#![expect(unreachable_pub, reason = "JavaScript calls them through the generated glue")]

use gloo_net::http::Response;
use tillroll_protocol::number_text;
use wasm_bindgen::prelude::*;

use super::dispatch;
use crate::effect::Report;
use crate::input::{Input, InputKind, SavedState, SendResult};
use crate::queue::StoredEntry;

// The bundler replaces the name by `js/core/effects.js`.
#[wasm_bindgen(raw_module = "tillroll-effects")]
extern "C" {
    /// Takes an effect; `action` is the number of an [`Action`](crate::effect::Action).
    pub fn act(action: u32, text: &str, more: &str, number: f64);

    /// Takes the fields of a [`Report`].
    pub fn report(name: &str, reason: &str, field: &str, count: u32, response: JsValue);
}

/// Passes the input of an [`InputKind`] to the tracker, with its texts.
#[wasm_bindgen]
pub fn handle(kind: u32, a: String, b: String, c: String) {
    const START: u32 = InputKind::Start as u32;
    const CALL: u32 = InputKind::Call as u32;
    const STORED: u32 = InputKind::Stored as u32;
    const RESTORED: u32 = InputKind::Restored as u32;
    const TIMER: u32 = InputKind::Timer as u32;
    const HIDDEN: u32 = InputKind::Hidden as u32;
    const PAGE_HIDE: u32 = InputKind::PageHide as u32;
    const STATE_CHANGED: u32 = InputKind::StateChanged as u32;
    const SERVER_ID: u32 = InputKind::ServerId as u32;
    const PAGE_SHOW: u32 = InputKind::PageShow as u32;
    const LEADER: u32 = InputKind::Leader as u32;
    const DELETED_ELSEWHERE: u32 = InputKind::DeletedElsewhere as u32;
    const ONLINE: u32 = InputKind::Online as u32;
    const FLUSH: u32 = InputKind::Flush as u32;
    const CONSENT: u32 = InputKind::Consent as u32;
    const RESET: u32 = InputKind::Reset as u32;
    dispatch(match kind {
        START => Input::Start(&a, StoredEntry::new(&b, &c)),
        CALL => Input::Call(StoredEntry::new(&a, &b)),
        STORED => Input::Stored(StoredEntry::new(&a, &b)),
        RESTORED => Input::Restored,
        TIMER => Input::Timer,
        HIDDEN => Input::Hidden,
        PAGE_HIDE => Input::PageHide,
        STATE_CHANGED => Input::StateChanged(SavedState { visitor: &a, session: &b, dedup: &c }),
        SERVER_ID => Input::ServerId(&a),
        PAGE_SHOW => Input::PageShow,
        LEADER => Input::Leader(!a.is_empty()),
        DELETED_ELSEWHERE => Input::DeletedElsewhere(&a),
        ONLINE => Input::Online,
        FLUSH => Input::Flush,
        CONSENT => Input::Consent(&a),
        RESET => Input::Reset(StoredEntry::new(&a, &b)),
        _ => return,
    });
}

/// Finishes a request. `response` is None if the request failed. `text` is the body: a body that is not read keeps using the browser's quota
/// for `keepalive` requests.
#[wasm_bindgen(js_name = onResponse)]
pub fn on_response(response: Option<web_sys::Response>, text: String) {
    let mut answer = SendResult { body: text, ..SendResult::default() };
    if let Some(response) = response.map(Response::from) {
        let seconds = response.headers().get("retry-after").and_then(|seconds| number_text::parse_integer(&seconds));
        answer.retry_after = seconds.map(|seconds| seconds.wrapping_mul(1_000));
        answer.status = response.status();
    }
    dispatch(Input::RequestDone(&answer));
}

/// Passes a report to the script.
pub(super) fn pass_report(of: &Report<'_>) {
    report(of.name, of.reason, of.field, of.count, serde_wasm_bindgen::to_value(of.response).unwrap_or_default());
}
