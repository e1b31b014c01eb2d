//! The one timer of the page.

use std::cell::Cell;

use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use super::tell;
use crate::Millis;
use crate::input::Input;

thread_local! {
    static TIMER: Cell<Option<i32>> = const { Cell::new(None) };
}

/// Wakes the tracker after `after`, instead of whenever it was to be woken before; None lets it sleep.
pub(super) fn set(after: Option<Millis>) {
    let Some(window) = web_sys::window() else { return };
    if let Some(timer) = TIMER.take() {
        window.clear_timeout_with_handle(timer);
    }
    let Some(after) = after else { return };
    let wake = Closure::once_into_js(|| {
        TIMER.set(None);
        tell(Input::Woken);
    });
    let after = i32::try_from(after).unwrap_or(i32::MAX);
    TIMER.set(window.set_timeout_with_callback_and_timeout_and_arguments_0(wake.unchecked_ref(), after).ok());
}
