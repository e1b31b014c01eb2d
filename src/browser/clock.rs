//! The one clock of the page.

use crate::Millis;

/// Returns the page's time, in milliseconds since 1970.
pub(super) fn now() -> Millis {
    js_sys::Date::now() as Millis
}
