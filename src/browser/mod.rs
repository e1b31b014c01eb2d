//! The browser's edge: the only place that names the browser. It carries out effects, reports what happens, and decides nothing.
//!
//! Everything that a browser may refuse gives an `Option` or a `Result` here and never throws into the page.

mod allocator;
mod clock;
mod exports;
mod lifecycle;
mod storage;
mod timer;
mod transport;

use std::cell::RefCell;

use crate::effect::Effect;
use crate::input::Input;
use crate::tracker::Tracker;
use exports::Host;

/// The page's tracker and what it works with.
struct Page {
    tracker: Tracker,
    host: Host,
}

thread_local! {
    static PAGE: RefCell<Option<Page>> = const { RefCell::new(None) };
}

/// Tells the tracker what happened and carries out what it asks for.
///
/// An effect may call the page's own code, which may call back in here: the tracker is let go before the first effect.
fn tell(input: Input) {
    for effect in with(|page| page.tracker.handle(clock::now(), input)).unwrap_or_default() {
        perform(effect);
    }
}

/// Lets `use_it` have the page, unless the library has not started, or is at work already further up.
fn with<T>(use_it: impl FnOnce(&mut Page) -> T) -> Option<T> {
    PAGE.with(|page| page.try_borrow_mut().ok()?.as_mut().map(use_it))
}

fn perform(effect: Effect) {
    match effect {
        Effect::Keep(item) => storage::keep(&item),
        Effect::Forget(keys) => storage::forget(&keys),
        Effect::Restore => storage::restore(),
        Effect::Wipe => storage::wipe(),
        Effect::Visitor(text) => storage::remember("visitor", &text),
        Effect::Session(text) => storage::remember("session", &text),
        Effect::Send { request, body } => transport::send(request, &body),
        Effect::Abort { .. } => transport::abort(),
        Effect::Beacon(body) => transport::beacon(&body),
        Effect::Wake(after) => timer::set(after),
        Effect::Report(report) => exports::report(&report),
    }
}
