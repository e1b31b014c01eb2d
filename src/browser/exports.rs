//! What the shim calls, and what it lends us. Texts cross inward, one a call; reports go out as lists.

#![expect(unreachable_pub, reason = "the page reaches them, through the glue")]

use gloo_net::http::Response;
use js_sys::Array;
use tillroll_protocol::flat_format::FlatValue;
use tillroll_protocol::number_text;
use wasm_bindgen::prelude::*;

use super::{PAGE, Page, tell};
use crate::effect::Report;
use crate::input::{Input, SavedState, SendResult, Start};
use crate::queue::StoredEntry;

#[wasm_bindgen]
extern "C" {
    /// The shim's side: the durable store, which it needs before this core has arrived, the page's callbacks, and what of the browser
    /// weighs less as script. None of it throws.
    pub type Host;

    #[wasm_bindgen(method)]
    pub fn keep(this: &Host, key: &str, text: &str);

    #[wasm_bindgen(method)]
    pub fn forget(this: &Host, keys: &str);

    #[wasm_bindgen(method)]
    pub fn restore(this: &Host);

    #[wasm_bindgen(method)]
    pub fn wipe(this: &Host);

    #[wasm_bindgen(method)]
    pub fn remember(this: &Host, name: &str, text: &str);

    /// Posts a batch and calls [`answered`] once, whatever comes of it. What is under way still is given up.
    #[wasm_bindgen(method)]
    pub fn post(this: &Host, request: u32, body: &str);

    #[wasm_bindgen(method)]
    pub fn beacon(this: &Host, body: &str);

    /// Gives up the request under way.
    #[wasm_bindgen(method)]
    pub fn abort(this: &Host);

    /// Calls [`woken`] after so many milliseconds, instead of whenever it was to be called before; never where it is below zero.
    #[wasm_bindgen(method)]
    pub fn wake(this: &Host, after: f64);

    #[wasm_bindgen(method)]
    pub fn report(this: &Host, report: JsValue);
}

/// Begins. `options` is a flat text of `token`, `version`, `consent`, `visitor`, `session` and `notes` (what the browser remembers) and `made` (an id that
/// the shop's server made); `key` and `call` are the moment of loading, as a call.
#[wasm_bindgen]
pub fn start(host: Host, options: String, key: String, call: String) {
    PAGE.set(Some(Box::leak(Box::new(Page { tracker: Default::default(), host }))));
    let options = FlatValue::new(&options);
    tell(Input::Start(&Start {
        token: options.text("token"),
        version: options.text("version"),
        consent: options.text("consent"),
        saved: SavedState { visitor: options.text("visitor"), session: options.text("session"), dedup: options.text("notes") },
        server_id: options.text("made"),
        load_call: StoredEntry::new(&key, &call),
    }));
}

/// Takes a recorded call, or an event that another tab has kept.
#[wasm_bindgen]
pub fn call(key: String, text: String) {
    tell(Input::Call(StoredEntry::new(&key, &text)));
}

/// Takes what the store kept: keys and texts in turn, in the order of the keys.
#[wasm_bindgen]
pub fn restore(kept: Array) {
    let text = |at: u32| kept.get(at).as_string().unwrap_or_default();
    let mut items = Vec::new();
    let mut at = 0;
    while at < kept.length() {
        items.push(StoredEntry::new(text(at), text(at + 1)));
        at += 2;
    }
    tell(Input::Restored(&items));
}

/// Takes the answer to a request, and its text, which is there already: a body that nobody reads holds on to the browser's quota for
/// requests that outlive their page. No response means that there was no answer.
#[wasm_bindgen]
pub fn answered(request: u32, response: Option<web_sys::Response>, text: String) {
    let mut answer = SendResult { request, body: text, ..SendResult::default() };
    if let Some(response) = response.map(Response::from) {
        let seconds = response.headers().get("retry-after").and_then(|seconds| number_text::parse_integer(&seconds));
        answer.retry_after = seconds.map(|seconds| seconds.wrapping_mul(1_000));
        answer.status = response.status();
    }
    tell(Input::RequestDone(&answer));
}

/// Sends everything now.
#[wasm_bindgen]
pub fn flush() {
    tell(Input::Flush);
}

/// Follows the visitor's word.
#[wasm_bindgen]
pub fn consent(word: String) {
    tell(Input::Consent(&word));
}

/// Starts a new anonymous visitor; the call lends its seed.
#[wasm_bindgen]
pub fn reset(key: String, call: String) {
    tell(Input::Reset(StoredEntry::new(&key, &call)));
}

/// The time that the tracker asked for has come.
#[wasm_bindgen]
pub fn woken() {
    tell(Input::Timer);
}

/// The page cannot be seen any more.
#[wasm_bindgen]
pub fn hidden() {
    tell(Input::Hidden);
}

/// The page is being left.
#[wasm_bindgen]
pub fn left() {
    tell(Input::PageHide);
}

/// Takes what the browser remembers now, as this page or another tab says; an empty text of the first two says nothing.
#[wasm_bindgen]
pub fn recalled(visitor: String, session: String, notes: String) {
    tell(Input::StateChanged(SavedState { visitor: &visitor, session: &session, dedup: &notes }));
}

/// The page is back from the browser's cache.
#[wasm_bindgen]
pub fn returned() {
    tell(Input::PageShow);
}

/// Whether this tab owns the queue.
#[wasm_bindgen]
pub fn owner(owns: bool) {
    tell(Input::Leader(owns));
}

/// Another tab has done with the events of these keys.
#[wasm_bindgen]
pub fn forgotten(keys: String) {
    tell(Input::DeletedElsewhere(&keys));
}

/// The connection is back.
#[wasm_bindgen]
pub fn online() {
    tell(Input::Online);
}

/// Returns a report as a list. A struct would become an object, but naming its members costs a page a hash table.
pub(super) fn outward(report: &Report) -> JsValue {
    let members = (report.name, report.count, report.reason, report.field, report.response.as_str());
    serde_wasm_bindgen::to_value(&members).unwrap_or(JsValue::NULL)
}
