//! The flat format: the text into which a page serialises a value. Reading copies nothing.
//!
//! The format has no escapes, so writing and reading it is cheap in a page:
//!
//! | text | value |
//! |---|---|
//! | `z`, `y`, `n` | null, true, false |
//! | `#12.5␟` | a number, as JavaScript prints it |
//! | `$text␟` | a string without `␟` |
//! | `[` values `]` | a list |
//! | `{` then `:key␟` value, … `}` | an object |
//!
//! `␟` is U+001F, the unit separator. Text that does not follow the format is null; no text is an error.

use crate::dyn_value::{ReadValue, ValueKind};
use crate::json_writer::push_ascii;
use crate::str_bytes::{split_at, split_first, split_once};

/// The end of a number, a string or a key.
pub const TERMINATOR: u8 = 0x1f;

/// A value in a flat text; the text may continue after the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlatValue<'a>(&'a str);

impl<'a> FlatValue<'a> {
    /// Returns the value at the start of `text`.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Returns the text of this value only.
    pub fn as_str(self) -> &'a str {
        split_at(self.0, self.0.len() - after(self.0).len()).0
    }

    /// Returns whether the text is this value, whole and without anything behind it.
    pub fn is_whole(self) -> bool {
        let mut text = String::from(self.0);
        // The end of the value is recognised by what follows it.
        push_ascii(&mut text, b'z');
        after(&text) == "z"
    }

    /// Returns the string property `name`; empty if it is missing or not a string.
    // Not inlined: called for each option and each text of a call.
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
            b'#' => ValueKind::Number(split_text(rest).0),
            b'$' => ValueKind::Text(split_text(rest).0),
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

/// The elements of a list, or the properties of an object.
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
            (b'{', b':') => split_text(behind),
            (b'[', sign) if !is_closing(sign) && sign != 0 => ("", self.rest),
            _ => return None,
        };
        self.rest = after(value);
        Some((name, FlatValue(value)))
    }
}

/// Appends the key of a property.
pub fn push_key(out: &mut String, name: &str) {
    push_ascii(out, b':');
    push_terminated(out, name);
}

/// Appends a property with a string value, unless the string is empty. The text must not contain [`TERMINATOR`].
// Not inlined: called for each decision about a call.
#[inline(never)]
pub fn push_text(out: &mut String, name: &str, text: &str) {
    if !text.is_empty() {
        push_key(out, name);
        push_ascii(out, b'$');
        push_terminated(out, text);
    }
}

/// Appends a text and the terminator.
#[inline(never)]
pub fn push_terminated(out: &mut String, text: &str) {
    out.push_str(text);
    push_ascii(out, TERMINATOR);
}

fn is_closing(sign: u8) -> bool {
    matches!(sign, b']' | b'}')
}

/// Returns the text after the value at the start of `text`.
///
/// Leaves the closing sign of the enclosing value. Otherwise both values would read the same rest, and the time for a short invalid text
/// would grow exponentially.
fn after(text: &str) -> &str {
    let mut rest = text.bytes();
    let mut open = 0_u32;
    while let Some(sign) = rest.clone().next() {
        if open == 0 && is_closing(sign) {
            break;
        }
        rest.next();
        match sign {
            b'#' | b'$' | b':' => drop(rest.find(|byte| *byte == TERMINATOR)),
            b'[' | b'{' => open += 1,
            b']' | b'}' => open -= 1,
            _ => {}
        }
        // The value of a key follows.
        if open == 0 && sign != b':' {
            break;
        }
    }
    split_at(text, text.len() - rest.len()).1
}

fn split_text(text: &str) -> (&str, &str) {
    split_once(text, TERMINATOR)
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
        fn flat_text_round_trips(value in any_value()) {
            prop_assert_eq!(tree(FlatValue::new(&flat(&value))), value);
        }

        #[test]
        fn flat_text_and_tree_give_the_same_json(value in any_value()) {
            let (mut page, mut collector) = (String::new(), String::new());
            FlatValue::new(&flat(&value)).write(&mut page);
            value.write(&mut collector);
            prop_assert_eq!(page, collector);
        }

        #[test]
        fn any_text_gives_valid_json(text in "[z#$:{}\\[\\]yné\u{1f}]{0,24}") {
            let mut out = String::new();
            FlatValue::new(&text).write(&mut out);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok());
        }
    }

    #[test]
    fn wrong_closing_sign_does_not_repeat_the_rest() {
        for (shard, times) in [("[}", 2_000), ("{:k\u{1f}}", 2_000), ("[:k\u{1f}]", 2_000), ("{:k\u{1f}]:k\u{1f}", 2_000)] {
            let text = shard.repeat(times);
            let mut out = String::new();
            FlatValue::new(&text).write(&mut out);
            assert!(out.len() <= 8 * text.len(), "{shard}: {} of {}", out.len(), text.len());
        }
    }

    #[test]
    fn endless_nesting_is_truncated() {
        let mut out = String::new();
        FlatValue::new(&"[".repeat(100_000)).write(&mut out);
        assert!(out.len() < 100, "{out}");
    }
}
