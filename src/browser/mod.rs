//! The browser's edge: the only place that names the browser. It carries out effects, reports what happens, and decides nothing.
//!
//! Everything that a browser may refuse gives an `Option` or a `Result` here and never throws into the page.

mod clock;
mod exports;

use std::cell::{Cell, RefCell};

use tillroll_protocol::json_writer;

use crate::effect::Effect;
use crate::input::Input;
use crate::tracker::Tracker;
use exports::Host;

/// The page's tracker and what it works with. It is made once and stays as long as the page.
struct Page {
    tracker: RefCell<Tracker>,
    host: Host,
}

thread_local! {
    static PAGE: Cell<Option<&'static Page>> = const { Cell::new(None) };
}

/// Tells the tracker what happened and carries out what it asks for.
///
/// An effect may call the page's own code, which may call back in here: the tracker is let go before the first effect.
fn tell(input: Input<'_>) {
    let Some(page) = PAGE.get() else { return };
    let Ok(mut tracker) = page.tracker.try_borrow_mut() else { return };
    let effects = tracker.handle(clock::now(), input);
    drop(tracker);
    for effect in &effects {
        page.perform(effect);
    }
}

impl Page {
    fn perform(&self, effect: &Effect) {
        let host = &self.host;
        match effect {
            Effect::Persist(item) => host.keep(&item.key, &item.text),
            Effect::Delete(keys) => host.forget(&joined(keys)),
            Effect::Restore => host.restore(),
            Effect::ClearAll => host.wipe(),
            Effect::SaveVisitor(text) => host.remember("visitor", text),
            Effect::SaveSession(text) => host.remember("session", text),
            Effect::SaveDedup(text) => host.remember("notes", text),
            Effect::Send { request, body } => host.post(*request, body),
            Effect::Abort { .. } => host.abort(),
            Effect::Beacon(body) => host.beacon(body),
            Effect::SetTimer(after) => host.wake(after.map_or(-1.0, |after| after as f64)),
            Effect::Report(report) => host.report(exports::outward(report)),
        }
    }
}

/// By hand: the standard library's way reserves first and weighs more.
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
