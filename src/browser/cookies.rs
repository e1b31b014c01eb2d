//! What the browser remembers: two cookies of the shop's own, or its local storage where cookies are refused.

use wasm_bindgen::JsCast;
use web_sys::{HtmlDocument, Storage};

use crate::cookie;
use crate::input::Cookies;

/// The cookies of the shop that are ours.
pub(super) struct Jar {
    visitor: String,
    session: String,
    domain: String,
}

impl Jar {
    /// Returns the jar of the cookies so named; an empty `domain` means the widest that the browser accepts.
    pub(super) fn new(visitor: String, session: String, domain: String) -> Self {
        Self { visitor, session, domain }
    }

    /// Returns what is remembered.
    pub(super) fn read(&self) -> Cookies {
        Cookies { visitor: read(&self.visitor), session: read(&self.session) }
    }

    /// Remembers who, for as long as browsers allow.
    pub(super) fn write_visitor(&self, text: &str) {
        self.write(&self.visitor, text);
    }

    /// Remembers the visit.
    pub(super) fn write_session(&self, text: &str) {
        self.write(&self.session, text);
    }

    fn write(&self, name: &str, text: &str) {
        let host = host();
        let fixed = [self.domain.as_str()];
        let domains = if self.domain.is_empty() { cookie::domains(&host) } else { fixed.to_vec() };
        let written = domains.iter().any(|domain| {
            set(name, text, domain);
            find(name).as_deref().unwrap_or_default() == text
        });
        remember_aside(name, if written { "" } else { text });
    }
}

/// The cookie where there is one: what local storage says counts only while cookies are refused.
fn read(name: &str) -> String {
    find(name).or_else(|| aside()?.get_item(name).ok()?).unwrap_or_default()
}

fn find(name: &str) -> Option<String> {
    let text = cookie::find(&document()?.cookie().ok()?, name);
    (!text.is_empty()).then_some(text)
}

fn set(name: &str, text: &str, domain: &str) -> Option<()> {
    let lasts = if text.is_empty() { "0" } else { cookie::LONGEST };
    let domain = if domain.is_empty() { "" } else { &[";domain=", domain].concat() };
    let secure = if web_sys::window()?.location().protocol().ok()? == "https:" { ";secure" } else { "" };
    let text = cookie::encode(text);
    document()?.set_cookie(&[name, "=", &text, ";path=/;samesite=lax;max-age=", lasts, domain, secure].concat()).ok()
}

fn remember_aside(name: &str, text: &str) {
    let Some(storage) = aside() else { return };
    drop(match text {
        "" => storage.remove_item(name),
        text => storage.set_item(name, text),
    });
}

fn aside() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

fn host() -> String {
    web_sys::window().and_then(|window| window.location().hostname().ok()).unwrap_or_default()
}

fn document() -> Option<HtmlDocument> {
    Some(web_sys::window()?.document()?.unchecked_into())
}
