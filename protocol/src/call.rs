//! A call as a page recorded it: API, type, time, page and raw arguments.
//!
//! A page records each call at once, as one text in the [flat format](crate::flat_format). The text is all that is needed to make the event
//! later, by the page's core, by the next page or by the collector.

use crate::dyn_value::{ReadValue, ValueKind, truncate};
use crate::event::Page;
use crate::flat_format::FlatValue;
use crate::number_text;

/// A call; its texts are borrowed from the recorded text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call<'a> {
    /// The time, in milliseconds since 1970 by the page's clock.
    pub time: u64,
    /// Random hexadecimal digits, see [`id`](crate::id).
    pub seed: &'a str,
    /// The name of an [`EventType`](crate::event_types::EventType), or `arrival`.
    pub kind: &'a str,
    /// The store of the page; empty if the page names none.
    pub store: &'a str,
    /// The arguments, by the names of the parameters.
    pub params: FlatValue<'a>,
    /// The recorded text.
    pub record: FlatValue<'a>,
}

impl<'a> Call<'a> {
    /// Parses the text that a page recorded; returns None if the time or the type is missing.
    pub fn parse(text: &'a str) -> Option<Self> {
        Self::from_flat(FlatValue::new(text))
    }

    /// Parses a recorded call inside a longer text.
    pub fn from_flat(record: FlatValue<'a>) -> Option<Self> {
        let ValueKind::Number(time) = record.get("time").kind() else { return None };
        let time = number_text::parse_integer(time)?;
        let kind = record.text("type");
        (!kind.is_empty()).then(|| Self {
            time,
            seed: record.text("seed"),
            kind,
            store: record.text("store"),
            params: record.get("params"),
            record,
        })
    }

    /// Returns the API that the page called; one of [`apis::APIS`](crate::apis::APIS) if the call is valid.
    pub fn api(&self) -> &'a str {
        truncate(self.record.text("api"))
    }

    /// Returns the page.
    pub fn page(&self) -> Page<&'a str> {
        let string = |name| truncate(self.record.text(name));
        Page { url: string("url"), referrer: string("referrer"), title: string("title") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_call_is_parsed() {
        let text = "{:time\u{1f}#1518004715732\u{1f}:seed\u{1f}$ab\u{1f}:api\u{1f}$shop\u{1f}:type\u{1f}$search\u{1f}:url\u{1f}$https://x/\u{1f}:params\u{1f}{:query\u{1f}z}}";
        let call = Call::parse(text).unwrap();
        assert_eq!((call.time, call.kind, call.page().url), (1_518_004_715_732, "search", "https://x/"));
        assert_eq!(call.params.entries().collect::<Vec<_>>(), [("query", FlatValue::new("z}}"))]);
    }

    #[test]
    fn record_without_time_or_type_is_none() {
        for text in
            ["", "z", "{", "{:time\u{1f}#1\u{1f}}", "{:type\u{1f}$search\u{1f}}", "{:time\u{1f}#soon\u{1f}:type\u{1f}$search\u{1f}}"]
        {
            assert_eq!(Call::parse(text), None, "{text:?}");
        }
    }
}
