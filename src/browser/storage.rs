//! The durable store, one key per event. It belongs to the shim, which writes before this core has arrived.

use super::{exports, with};
use crate::queue::Item;

/// Begins to write.
pub(super) fn keep(item: &Item) {
    with(|page| page.host.keep(&item.key, &item.text));
}

/// Begins to remove.
pub(super) fn forget(keys: &[String]) {
    with(|page| page.host.forget(&keys.join(",")));
}

/// Begins to read; what is kept comes by [`exports::restore`], at once or later.
pub(super) fn restore() {
    if let Some(host) = exports::host() {
        host.restore();
    }
}

/// Begins to remove everything.
pub(super) fn wipe() {
    with(|page| page.host.wipe());
}

/// Remembers a small text for all pages of the shop: a cookie, or what stands in for it.
pub(super) fn remember(name: &str, text: &str) {
    with(|page| page.host.remember(name, text));
}
