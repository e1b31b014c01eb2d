//! What the shim calls, and what it lends us. Texts cross inward, one a call; reports and identities go out as objects.

#![expect(unreachable_pub, reason = "the page reaches them, through the glue")]

use js_sys::Array;
use serde::Serialize;
use tillroll_protocol::loose::{self, Loose};
use wasm_bindgen::prelude::*;

use super::{Page, cookies, lifecycle, tell, with};
use crate::effect::Report;
use crate::input::{Input, Start};
use crate::queue::Item;
use crate::tracker::Tracker;

#[wasm_bindgen]
extern "C" {
    /// The shim's side: the durable store, which it needs before this core has arrived, and the page's callbacks.
    pub type Host;

    #[wasm_bindgen(method)]
    pub fn keep(this: &Host, key: &str, text: &str);

    #[wasm_bindgen(method)]
    pub fn forget(this: &Host, keys: Array);

    #[wasm_bindgen(method)]
    pub fn report(this: &Host, report: JsValue);
}

/// Who the visitor is, for the page.
#[derive(Serialize)]
struct Who {
    visitor: String,
    session: String,
}

/// Begins. `options` is a flat text of `token`, `version`, `collector`, `consent`, `domain`, `visitorCookie`, `sessionCookie` and
/// `visitor`; `key` and `call` are the moment of loading, as a call.
#[wasm_bindgen]
pub fn start(host: Host, options: &str, key: String, call: String) {
    let options = loose::read(options);
    let option = |name: &str| match options.get(name) {
        Loose::Text(text) => text.clone(),
        _ => String::new(),
    };
    let jar = cookies::Jar::new(option("visitorCookie"), option("sessionCookie"), option("domain"));
    let start = Start {
        token: option("token"),
        version: option("version"),
        consent: option("consent"),
        cookies: jar.read(),
        visitor: option("visitor"),
        call: Item::new(key, call),
    };
    let page = Page { tracker: Tracker::default(), host, collector: option("collector"), cookies: jar };
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
pub fn restore(kept: Vec<String>) {
    let mut texts = kept.into_iter();
    let mut items = Vec::new();
    while let (Some(key), Some(text)) = (texts.next(), texts.next()) {
        items.push(Item::new(key, text));
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

/// Returns `{visitor, session}`: the visitor's id or e-mail, and the visit's id.
#[wasm_bindgen]
pub fn identity() -> JsValue {
    let who = with(|page| {
        let (visitor, session) = page.tracker.identity();
        Who { visitor: visitor.into(), session: session.into() }
    });
    outward(&who)
}

pub(super) fn report(report: &Report) {
    let report = outward(report);
    let host = with(|page| page.host.clone().unchecked_into::<Host>());
    if let Some(host) = host {
        host.report(report);
    }
}

fn outward(value: &impl Serialize) -> JsValue {
    serde_wasm_bindgen::to_value(value).unwrap_or(JsValue::NULL)
}
