//! A call as a page recorded it: whose words, what, when, where, and the arguments as they were.
//!
//! A page records a call the moment it is made, as one flat text of [`loose`], and that text is all that anybody needs to make the
//! event of it later: the page's core once it is there, the next page, or the collector.

use crate::event::Page;
use crate::loose::{self, Loose};

/// What a page asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// When, in milliseconds since 1970 by the page's clock.
    pub time: u64,
    /// Random digits, see [`id`](crate::id).
    pub seed: String,
    /// Whose words the page spoke.
    pub api: String,
    /// What for: the name of a [`Kind`](crate::kinds::Kind).
    pub kind: String,
    /// Where.
    pub page: Page,
    /// The arguments, by the names of the parameters.
    pub params: Loose,
}

impl Call {
    /// Reads the text that a page recorded; None where the time or the kind is missing.
    pub fn read(text: &str) -> Option<Self> {
        let record = loose::read(text);
        let time = match record.get("time") {
            Loose::Number(time) => time.parse().ok()?,
            _ => return None,
        };
        let kind = string(&record, "type");
        let page = Page { url: string(&record, "url"), referrer: string(&record, "referrer"), title: string(&record, "title") };
        let params = record.get("params").clone();
        (!kind.is_empty()).then(|| Self { time, seed: string(&record, "seed"), api: string(&record, "api"), kind, page, params })
    }
}

fn string(record: &Loose, name: &str) -> String {
    match record.get(name) {
        Loose::Text(text) => loose::cut(text).into(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_call_reads_back() {
        let text = "{:time\u{1f}#1518004715732\u{1f}:seed\u{1f}$ab\u{1f}:api\u{1f}$shop\u{1f}:type\u{1f}$search\u{1f}:url\u{1f}$https://x/\u{1f}:params\u{1f}{:query\u{1f}z}}";
        let call = Call::read(text).unwrap();
        assert_eq!((call.time, call.kind.as_str(), call.page.url.as_str()), (1_518_004_715_732, "search", "https://x/"));
        assert_eq!(call.params, Loose::Object(vec![("query".into(), Loose::Nothing)]));
    }

    #[test]
    fn a_record_without_time_or_kind_is_none() {
        for text in
            ["", "z", "{", "{:time\u{1f}#1\u{1f}}", "{:type\u{1f}$search\u{1f}}", "{:time\u{1f}#soon\u{1f}:type\u{1f}$search\u{1f}}"]
        {
            assert_eq!(Call::read(text), None, "{text:?}");
        }
    }
}
