//! A call as a page recorded it: whose words, what, when, where, and the arguments as they were.
//!
//! A page records a call the moment it is made, as one [`flat`](crate::flat_format) text, and that text is all that anybody needs to make the
//! event of it later: the page's core once it is there, the next page, or the collector.

use crate::dyn_value::{ReadValue, ValueKind, truncate};
use crate::event::Page;
use crate::flat_format::FlatValue;
use crate::number_text;

/// What a page asked for; it lies in the text that the page recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call<'a> {
    /// When, in milliseconds since 1970 by the page's clock.
    pub time: u64,
    /// Digits that nobody else draws, see [`id`](crate::id).
    pub seed: &'a str,
    /// Whose words the page spoke.
    pub api: &'a str,
    /// What for: the name of a [`EventType`](crate::event_types::EventType).
    pub kind: &'a str,
    /// Where.
    pub page: Page<&'a str>,
    /// The store that the page said it is of; empty where it said none.
    pub store: &'a str,
    /// The arguments, by the names of the parameters.
    pub params: FlatValue<'a>,
}

impl<'a> Call<'a> {
    /// Reads the text that a page recorded; None where the time or the kind is missing.
    pub fn parse(text: &'a str) -> Option<Self> {
        Self::from_flat(FlatValue::new(text))
    }

    /// Reads a record that lies in a longer text.
    pub fn from_flat(record: FlatValue<'a>) -> Option<Self> {
        let ValueKind::Number(time) = record.get("time").kind() else { return None };
        let time = number_text::parse_integer(time)?;
        let string = |name| truncate(record.text(name));
        let kind = string("type");
        let page = Page { url: string("url"), referrer: string("referrer"), title: string("title") };
        let params = record.get("params");
        (!kind.is_empty()).then(|| Self { time, seed: string("seed"), api: string("api"), kind, page, store: string("store"), params })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_call_reads_back() {
        let text = "{:time\u{1f}#1518004715732\u{1f}:seed\u{1f}$ab\u{1f}:api\u{1f}$shop\u{1f}:type\u{1f}$search\u{1f}:url\u{1f}$https://x/\u{1f}:params\u{1f}{:query\u{1f}z}}";
        let call = Call::parse(text).unwrap();
        assert_eq!((call.time, call.kind, call.page.url), (1_518_004_715_732, "search", "https://x/"));
        assert_eq!(call.params.entries().collect::<Vec<_>>(), [("query", FlatValue::new("z}}"))]);
    }

    #[test]
    fn a_record_without_time_or_kind_is_none() {
        for text in
            ["", "z", "{", "{:time\u{1f}#1\u{1f}}", "{:type\u{1f}$search\u{1f}}", "{:time\u{1f}#soon\u{1f}:type\u{1f}$search\u{1f}}"]
        {
            assert_eq!(Call::parse(text), None, "{text:?}");
        }
    }
}
