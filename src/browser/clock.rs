//! The page's only clock.

use crate::Millis;

/// Returns the current time in milliseconds since 1970.
pub(super) fn now() -> Millis {
    js_sys::Date::now() as Millis
}
