//! The border between the core and JavaScript: what the core calls, and the exports that JavaScript calls.
//!
//! The texts of an input cross inward as one string; effects and reports cross outward in parts.

#![expect(unreachable_pub, reason = "JavaScript calls them through the generated glue")]

use gloo_net::http::Response;
use wasm_bindgen::prelude::*;

use super::dispatch;
use crate::input::{Input, InputKind};

// The bundler replaces the name by `js/core/effects.js`.
#[wasm_bindgen(raw_module = "tillroll-effects")]
extern "C" {
    /// Takes an effect; `action` is the number of an [`Action`](crate::effect::Action).
    pub fn act(action: u32, text: &str, more: &str, number: f64);

    /// Takes the fields of a [`Report`](crate::effect::Report).
    pub fn report(name: &str, reason: &str, field: &str, count: u32, response: JsValue);
}

/// Passes an input to the tracker: the number of its [`InputKind`], its texts, and the response if it is about one.
#[wasm_bindgen]
pub fn handle(kind: u32, texts: &str, response: Option<web_sys::Response>) {
    if let Some(kind) = InputKind::from_number(kind) {
        let status = response.map_or(0, |response| Response::from(response).status());
        dispatch(Input { kind, texts, status });
    }
}

/// Passes a report to the script.
pub(super) fn pass_report(name: &str, reason: &str, field: &str, count: u32, response: &str) {
    report(name, reason, field, count, serde_wasm_bindgen::to_value(response).unwrap_or_default());
}
