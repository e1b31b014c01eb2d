//! What the page lives through: hidden, left, back again, online again.

use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use web_sys::{Event, EventTarget, PageTransitionEvent, VisibilityState};

use super::{tell, with};
use crate::input::{Cookies, Input};

/// Listens from now on.
pub(super) fn listen() {
    let Some(window) = web_sys::window() else { return };
    let heard = Closure::<dyn FnMut(Event)>::new(hear).into_js_value();
    let document = window.document();
    let on = |target: &EventTarget, name| drop(target.add_event_listener_with_callback_and_bool(name, heard.unchecked_ref(), true));
    for name in ["pagehide", "pageshow", "online"] {
        on(&window, name);
    }
    if let Some(document) = document {
        on(&document, "visibilitychange");
    }
}

fn hear(event: Event) {
    let input = match event.type_().as_str() {
        "pagehide" => Some(Input::Left),
        "pageshow" if event.unchecked_ref::<PageTransitionEvent>().persisted() => returned(),
        "online" => Some(Input::Online),
        "visibilitychange" if is_hidden() => Some(Input::Hidden),
        _ => None,
    };
    if let Some(input) = input {
        tell(input);
    }
}

fn returned() -> Option<Input> {
    with(|page| Input::Returned(Cookies { visitor: page.host.recall("visitor"), session: page.host.recall("session") }))
}

fn is_hidden() -> bool {
    let document = web_sys::window().and_then(|window| window.document());
    document.is_some_and(|document| document.visibility_state() == VisibilityState::Hidden)
}
