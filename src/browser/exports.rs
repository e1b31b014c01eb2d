//! What the shim calls, and what it lends us. Texts cross inward, one a call; reports and identities go out as objects.

#![expect(unreachable_pub, reason = "the page reaches them, through the glue")]

use js_sys::Array;
use serde::Serialize;
use tillroll_protocol::flat::Flat;
use wasm_bindgen::prelude::*;

use super::{Page, lifecycle, tell, with};
use crate::effect::Report;
use crate::input::{Cookies, Input, Start};
use crate::queue::Item;
use crate::tracker::Tracker;

#[wasm_bindgen]
extern "C" {
    /// The shim's side: the durable store, which it needs before this core has arrived, and the page's callbacks.
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
    pub fn recall(this: &Host, name: &str) -> String;

    #[wasm_bindgen(method)]
    pub fn remember(this: &Host, name: &str, text: &str);

    #[wasm_bindgen(method, catch)]
    pub fn request(this: &Host, body: &str) -> Result<web_sys::Request, JsValue>;

    #[wasm_bindgen(method)]
    pub fn beacon(this: &Host, body: &str);

    #[wasm_bindgen(method)]
    pub fn abort(this: &Host);

    #[wasm_bindgen(method)]
    pub fn report(this: &Host, report: JsValue);
}

/// Begins. `options` is a flat text of `token`, `version`, `consent`, `visitor` and `session` (what the cookies say) and `made` (an id that
/// the shop's server made); `key` and `call` are the moment of loading, as a call.
#[wasm_bindgen]
pub fn start(host: Host, options: &str, key: String, call: String) {
    let options = Flat::new(options);
    let option = |name| String::from(options.text(name));
    let start = Start {
        token: option("token"),
        version: option("version"),
        consent: option("consent"),
        cookies: Cookies { visitor: option("visitor"), session: option("session") },
        visitor: option("made"),
        call: Item::new(key, call),
    };
    let page = Page { tracker: Tracker::default(), host };
    super::PAGE.with(|slot| slot.replace(Some(page)));
    lifecycle::listen();
    tell(Input::Start(start));
}

/// Takes a recorded call.
#[wasm_bindgen]
pub fn call(key: String, text: String) {
    tell(Input::Call(Item::new(key, text)));
}

/// Takes what the store kept: keys and texts in turn, in the order of the keys.
#[wasm_bindgen]
pub fn restore(kept: Array) {
    let text = |at: u32| kept.get(at).as_string().unwrap_or_default();
    let mut items = Vec::new();
    let mut at = 0;
    while at < kept.length() {
        items.push(Item::new(text(at), text(at + 1)));
        at += 2;
    }
    tell(Input::Restored(items));
}

/// Sends everything now.
#[wasm_bindgen]
pub fn flush() {
    tell(Input::Flush);
}

/// Follows the visitor's word.
#[wasm_bindgen]
pub fn consent(word: String) {
    tell(Input::Consent(word));
}

/// Starts a new anonymous visitor; the call lends its seed.
#[wasm_bindgen]
pub fn reset(key: String, call: String) {
    tell(Input::Reset(Item::new(key, call)));
}

/// Returns `[visitor, session]`: the visitor's id or e-mail, and the visit's id.
#[wasm_bindgen]
pub fn identity() -> JsValue {
    with(|page| outward(&page.tracker.identity())).unwrap_or(JsValue::NULL)
}

pub(super) fn report(report: &Report) {
    let report = outward(&(report.name, report.count, report.reason, report.field, report.answer.as_str()));
    if let Some(host) = host() {
        host.report(report);
    }
}

/// Returns the shim's side, to be called while the page is free: it may call back in here.
pub(super) fn host() -> Option<Host> {
    with(|page| page.host.clone().unchecked_into())
}

/// A tuple becomes a list. A struct would become an object, but naming its members costs a page a hash table.
fn outward(value: &impl Serialize) -> JsValue {
    serde_wasm_bindgen::to_value(value).unwrap_or(JsValue::NULL)
}
