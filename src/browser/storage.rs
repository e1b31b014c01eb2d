//! The durable store, one key per event. It belongs to the shim, which writes before this core has arrived.

use js_sys::Array;
use wasm_bindgen::JsValue;

use super::with;
use crate::queue::Item;

/// Begins to write.
pub(super) fn keep(item: &Item) {
    with(|page| page.host.keep(&item.key, &item.text));
}

/// Begins to remove.
pub(super) fn forget(keys: Vec<String>) {
    let keys: Array = keys.iter().map(|key| JsValue::from_str(key)).collect();
    with(|page| page.host.forget(keys));
}
