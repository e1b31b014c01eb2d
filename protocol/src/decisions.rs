//! The decisions about a call: what only the page can decide, and what the collector needs to make the events of the call.
//!
//! They follow the recorded call as an object of texts in the [flat format](crate::flat_format); a missing text is empty.

use crate::dyn_value::ReadValue;
use crate::flat_format::{FlatValue, push_key, push_text};
use crate::json_writer::push_ascii;

/// The decisions about a call. A visitor is an anonymous id or a normalised e-mail address, as in the visitor cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decisions<'a> {
    /// The session.
    pub session: &'a str,
    /// The store of the session; empty if no page has set one.
    pub store: &'a str,
    /// The visitor before the call, whose `land` event precedes the call; empty if the call neither starts a session nor is an arrival.
    pub land: &'a str,
    /// The visitor of the call's event: the visitor after the call, or the anonymous id that an `identify` links to its e-mail. Empty if the
    /// call has no event of its own.
    pub visitor: &'a str,
    /// The changes of a basket, as a list; empty for any other call.
    pub changes: FlatValue<'a>,
}

impl<'a> Decisions<'a> {
    /// Parses decisions; what is missing or invalid is empty.
    pub fn parse(value: FlatValue<'a>) -> Self {
        let text = |name| value.text(name);
        Self { session: text("session"), store: text("store"), land: text("land"), visitor: text("visitor"), changes: value.get("changes") }
    }

    /// Returns whether the call has no event and needs none of the rest.
    pub fn is_empty(&self) -> bool {
        self.land.is_empty() && self.visitor.is_empty()
    }

    /// Appends the decisions.
    pub fn write(&self, out: &mut String) {
        push_ascii(out, b'{');
        push_text(out, "session", self.session);
        push_text(out, "store", self.store);
        push_text(out, "land", self.land);
        push_text(out, "visitor", self.visitor);
        let changes = self.changes.as_str();
        if !changes.is_empty() {
            push_key(out, "changes");
            out.push_str(changes);
        }
        push_ascii(out, b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_decisions_are_parsed_back() {
        let changes = FlatValue::new("[{:product_id\u{1f}$1\u{1f}}]");
        for decisions in [
            Decisions { session: "s", store: "é", land: "a", visitor: "b@x.com", changes },
            Decisions { session: "s", visitor: "a", ..Decisions::default() },
        ] {
            let mut text = String::new();
            decisions.write(&mut text);
            assert_eq!(FlatValue::new(&(text.clone() + "z")).as_str(), text);
            let parsed = Decisions::parse(FlatValue::new(&text));
            assert_eq!(parsed.changes.as_str(), decisions.changes.as_str());
            assert_eq!(Decisions { changes: decisions.changes, ..parsed }, decisions);
        }
    }
}
