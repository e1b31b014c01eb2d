//! The browser edge: passes inputs to the tracker and its effects to the script. It decides nothing, and no other module names browser APIs.
//!
//! An operation that the browser can refuse returns an `Option` or a `Result` here; no exception reaches the page.

mod clock;
mod exports;

use std::cell::{Cell, RefCell};

use crate::effect::{Action, Host};
use crate::input::Input;
use crate::tracker::Tracker;

thread_local! {
    /// The page's tracker; created once, and never dropped.
    static TRACKER: Cell<Option<&'static RefCell<Tracker>>> = const { Cell::new(None) };
}

/// Passes an input to the tracker. The script executes the effects when the tracker is released, because an effect may call code of the page,
/// which may call back into this module.
fn dispatch(input: Input<'_>) {
    let tracker = match TRACKER.get() {
        Some(tracker) => tracker,
        None => Box::leak(Box::default()),
    };
    TRACKER.set(Some(tracker));
    if let Ok(mut tracker) = tracker.try_borrow_mut() {
        tracker.handle(clock::now(), input, &mut Script);
    }
}

/// The script, which keeps the effects until the input is handled.
struct Script;

impl Host for Script {
    fn act(&mut self, action: Action, text: &str, more: &str, number: f64) {
        exports::act(action as u32, text, more, number);
    }

    fn pass_report(&mut self, name: &'static str, reason: &'static str, field: &'static str, count: u32, response: &str) {
        exports::pass_report(name, reason, field, count, response);
    }
}
