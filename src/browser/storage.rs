//! The durable store, one key per event. It belongs to the shim, which writes before this core has arrived.

use super::with;
use crate::queue::Item;

/// Begins to write.
pub(super) fn keep(item: &Item) {
    with(|page| page.host.keep(&item.key, &item.text));
}

/// Begins to remove.
pub(super) fn forget(keys: &[String]) {
    with(|page| page.host.forget(&keys.join(",")));
}
