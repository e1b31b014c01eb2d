//! The page's only clock.

use crate::Millis;

/// Returns the current time in milliseconds since 1970. Not `Date.now`, which old libraries replace, and which a page's own `Date` lacks.
pub(super) fn now() -> Millis {
    js_sys::Date::new_0().get_time() as Millis
}
