//! The browser edge: dispatches inputs to the tracker and executes its effects. It decides nothing, and no other module names browser APIs.
//!
//! An operation that the browser can refuse returns an `Option` or a `Result` here; no exception reaches the page.

mod clock;
mod exports;

use std::cell::{Cell, RefCell};

use tillroll_protocol::cookies::{SESSION_COOKIE, VISITOR_COOKIE};
use tillroll_protocol::json_writer;

use crate::effect::Effect;
use crate::input::Input;
use crate::tracker::Tracker;
use exports::Host;

/// What the host and the options of `start` call the dedup state, which is not a cookie.
const DEDUP: &str = "notes";

/// The page's tracker and its host. Created once, and never dropped.
struct Page {
    tracker: RefCell<Tracker>,
    host: Host,
}

thread_local! {
    static PAGE: Cell<Option<&'static Page>> = const { Cell::new(None) };
}

/// Passes an input to the tracker and executes the effects.
///
/// An effect may call code of the page, which may call back into this module, so the tracker is released before the first effect.
fn dispatch(input: Input<'_>) {
    let Some(page) = PAGE.get() else { return };
    let Ok(mut tracker) = page.tracker.try_borrow_mut() else { return };
    let effects = tracker.handle(clock::now(), input);
    drop(tracker);
    for effect in &effects {
        page.execute(effect);
    }
}

impl Page {
    fn execute(&self, effect: &Effect) {
        let host = &self.host;
        match effect {
            Effect::Persist(item) => host.put(&item.key, &item.text),
            Effect::Delete(keys) => host.delete(&joined(keys)),
            Effect::Restore => host.restore(),
            Effect::ClearAll => host.clear(),
            Effect::SaveVisitor(value) => host.write_state(VISITOR_COOKIE, value),
            Effect::SaveSession(value) => host.write_state(SESSION_COOKIE, value),
            Effect::SaveDedup(value) => host.write_state(DEDUP, value),
            Effect::Send { request, body } => host.post(*request, body),
            Effect::Abort { .. } => host.abort(),
            Effect::Beacon(body) => host.beacon(body),
            Effect::SetTimer(delay) => host.schedule(delay.map_or(-1.0, |delay| delay as f64)),
            Effect::Report(report) => host.report(exports::to_js(report)),
        }
    }
}

/// Joins keys with commas. Not `join` of the standard library, which reserves memory first and is larger.
fn joined(keys: &[String]) -> String {
    let mut all = String::new();
    for key in keys {
        if !all.is_empty() {
            json_writer::push_ascii(&mut all, b',');
        }
        all.push_str(key);
    }
    all
}
