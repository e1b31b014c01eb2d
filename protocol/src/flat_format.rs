//! The text into which a page flattens a value, read where it lies: nothing is copied and nothing is built.
//!
//! The text has no escapes, so that both writing and reading it cost a page next to nothing:
//!
//! | text | value |
//! |---|---|
//! | `z`, `y`, `n` | nothing, true, false |
//! | `#12.5␟` | a number, as JavaScript prints it |
//! | `$text␟` | a string, in which no `␟` is left |
//! | `[` values `]` | a list |
//! | `{` then `:key␟` value, … `}` | an object |
//!
//! `␟` is U+001F, the unit separator. Whatever does not follow the form is nothing; no text is an error.

use crate::dyn_value::{ReadValue, ValueKind};
use crate::str_bytes::{split_at, split_first, split_once};

/// Ends a number, a string or a key.
pub const END: u8 = 0x1f;

/// A value in a flat text, which may go on behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlatValue<'a>(&'a str);

impl<'a> FlatValue<'a> {
    /// Returns the value with which `text` begins.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Returns the text of this value alone.
    pub fn whole(self) -> &'a str {
        split_at(self.0, self.0.len() - after(self.0).len()).0
    }

    /// Returns the string that the member `name` is; empty where it is none.
    // A line for every option and every text of a call.
    #[inline(never)]
    pub fn text(self, name: &str) -> &'a str {
        match self.get(name).kind() {
            ValueKind::Text(text) => text,
            _ => "",
        }
    }
}

impl<'a> ReadValue<'a> for FlatValue<'a> {
    const NULL: Self = FlatValue("");
    type Entries = Entries<'a>;

    fn kind(self) -> ValueKind<'a> {
        let (sign, rest) = split_first(self.0);
        match sign {
            b'y' => ValueKind::Bool(true),
            b'n' => ValueKind::Bool(false),
            b'#' => ValueKind::Number(word(rest).0),
            b'$' => ValueKind::Text(word(rest).0),
            b'[' => ValueKind::List,
            b'{' => ValueKind::Object,
            _ => ValueKind::Null,
        }
    }

    fn entries(self) -> Entries<'a> {
        let (sign, rest) = split_first(self.0);
        Entries { sign, rest }
    }
}

/// The values in a list or an object.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    sign: u8,
    rest: &'a str,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a str, FlatValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (sign, behind) = split_first(self.rest);
        let (name, value) = match (self.sign, sign) {
            (b'{', b':') => word(behind),
            (b'[', sign) if !closes(sign) && sign != 0 => ("", self.rest),
            _ => return None,
        };
        self.rest = after(value);
        Some((name, FlatValue(value)))
    }
}

fn closes(sign: u8) -> bool {
    matches!(sign, b']' | b'}')
}

/// Returns what stands behind the value with which `text` begins.
///
/// What closes the value that this one stands in is left to that one. Were it taken here, both would go on to read the same rest, and a
/// short text without its form would keep a page busy for good.
fn after(text: &str) -> &str {
    let mut rest = text.bytes();
    let mut open = 0_u32;
    while let Some(sign) = rest.clone().next() {
        if open == 0 && closes(sign) {
            break;
        }
        rest.next();
        match sign {
            b'#' | b'$' | b':' => drop(rest.find(|byte| *byte == END)),
            b'[' | b'{' => open += 1,
            b']' | b'}' => open -= 1,
            _ => {}
        }
        // The value of a key is still to come.
        if open == 0 && sign != b':' {
            break;
        }
    }
    split_at(text, text.len() - rest.len()).1
}

fn word(text: &str) -> (&str, &str) {
    split_once(text, END)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dyn_value::DynValue;
    use proptest::prelude::*;

    fn flat(value: &DynValue) -> String {
        match value {
            DynValue::Null => "z".into(),
            DynValue::Bool(true) => "y".into(),
            DynValue::Bool(false) => "n".into(),
            DynValue::Number(text) => format!("#{text}\u{1f}"),
            DynValue::Text(text) => format!("${text}\u{1f}"),
            DynValue::List(elements) => format!("[{}]", elements.iter().map(flat).collect::<String>()),
            DynValue::Object(members) => {
                let inner: String = members.iter().map(|(name, value)| format!(":{name}\u{1f}{}", flat(value))).collect();
                format!("{{{inner}}}")
            }
        }
    }

    fn tree(value: FlatValue<'_>) -> DynValue {
        match value.kind() {
            ValueKind::Null => DynValue::Null,
            ValueKind::Bool(flag) => DynValue::Bool(flag),
            ValueKind::Number(text) => DynValue::Number(text.into()),
            ValueKind::Text(text) => DynValue::Text(text.into()),
            ValueKind::List => DynValue::List(value.entries().map(|(_, element)| tree(element)).collect()),
            ValueKind::Object => DynValue::Object(value.entries().map(|(name, member)| (name.into(), tree(member))).collect()),
        }
    }

    fn any_value() -> impl Strategy<Value = DynValue> {
        let text = "[^\u{1f}]{0,12}";
        let leaf = prop_oneof![
            Just(DynValue::Null),
            any::<bool>().prop_map(DynValue::Bool),
            any::<i32>().prop_map(|number| DynValue::Number(number.to_string())),
            text.prop_map(DynValue::Text),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(DynValue::List),
                prop::collection::vec((text, inner), 0..4).prop_map(DynValue::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_a_page_flattens_is_read_back(value in any_value()) {
            prop_assert_eq!(tree(FlatValue::new(&flat(&value))), value);
        }

        #[test]
        fn a_flat_text_and_the_tree_of_it_are_written_alike(value in any_value()) {
            let (mut page, mut collector) = (String::new(), String::new());
            FlatValue::new(&flat(&value)).write(&mut page);
            value.write(&mut collector);
            prop_assert_eq!(page, collector);
        }

        #[test]
        fn any_text_is_read_without_a_panic_and_written_as_json(text in "[z#$:{}\\[\\]yné\u{1f}]{0,24}") {
            let mut out = String::new();
            FlatValue::new(&text).write(&mut out);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok());
        }
    }

    #[test]
    fn what_is_closed_by_the_wrong_sign_is_read_once() {
        for (shard, times) in [("[}", 2_000), ("{:k\u{1f}}", 2_000), ("[:k\u{1f}]", 2_000), ("{:k\u{1f}]:k\u{1f}", 2_000)] {
            let text = shard.repeat(times);
            let mut out = String::new();
            FlatValue::new(&text).write(&mut out);
            assert!(out.len() <= 8 * text.len(), "{shard}: {} of {}", out.len(), text.len());
        }
    }

    #[test]
    fn nesting_without_end_is_cut() {
        let mut out = String::new();
        FlatValue::new(&"[".repeat(100_000)).write(&mut out);
        assert!(out.len() < 100, "{out}");
    }
}
