//! A value as a page wrote it, before anybody knows what it should have been.
//!
//! A page passes numbers for ids, objects for lists and worse. JavaScript flattens each value into one text that [`read`] takes apart
//! again; the collector builds the same tree from JSON. The text has no escapes, so that reading it costs the page next to nothing:
//!
//! | text | value |
//! |---|---|
//! | `z`, `y`, `n` | nothing, true, false |
//! | `#12.5␟` | a number, as JavaScript prints it |
//! | `$text␟` | a string, in which no `␟` is left |
//! | `[` values `]` | a list |
//! | `{` then `:key␟` value, … `}` | an object |
//!
//! `␟` is U+001F, the unit separator.

use crate::{json, limits, number};

/// Ends a number, a string or a key.
pub const END: char = '\u{1f}';

/// A value of which nothing is known but its outer form.
#[derive(Clone, Debug, PartialEq)]
pub enum Loose {
    /// `null`, `undefined`, or something that carries no meaning, such as a function.
    Nothing,
    /// `true` or `false`.
    Flag(bool),
    /// A number, as decimal text.
    Number(String),
    /// A string.
    Text(String),
    /// A list, holes included as [`Loose::Nothing`].
    List(Vec<Loose>),
    /// An object's own members, in their order.
    Object(Vec<(String, Loose)>),
}

impl Loose {
    /// Returns the member `name` of an object, and of anything else nothing.
    pub fn get(&self, name: &str) -> &Self {
        let Self::Object(members) = self else { return &Self::Nothing };
        members.iter().find(|(key, _)| key == name).map_or(&Self::Nothing, |(_, value)| value)
    }

    /// Returns whether this is [`Loose::Nothing`].
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Returns the elements of a list, or the values of an object: some servers print a list with gaps as an object.
    pub fn elements(&self) -> Vec<&Self> {
        match self {
            Self::List(elements) => elements.iter().collect(),
            Self::Object(members) => members.iter().map(|(_, value)| value).collect(),
            _ => Vec::new(),
        }
    }

    /// Appends this value as JSON; strings are cut to [`limits::STRING_BYTES`].
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Nothing => out.push_str("null"),
            Self::Flag(true) => out.push_str("true"),
            Self::Flag(false) => out.push_str("false"),
            Self::Number(text) => out.push_str(if number::is_json(text) { text } else { "null" }),
            Self::Text(text) => json::string(out, cut(text)),
            Self::List(elements) => {
                out.push('[');
                for element in elements {
                    json::separate(out);
                    element.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (name, value) in members {
                    json::key(out, cut(name));
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// Returns as much of `text` as fits into [`limits::STRING_BYTES`], cut between characters.
pub fn cut(text: &str) -> &str {
    let mut end = text.len().min(limits::STRING_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Reads the flat text; whatever does not follow the form, or nests deeper than [`limits::DEPTH`], is nothing.
pub fn read(text: &str) -> Loose {
    Reader { rest: text }.value(limits::DEPTH)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Loose {
        if depth == 0 {
            self.rest = "";
            return Loose::Nothing;
        }
        match self.take() {
            Some('y') => Loose::Flag(true),
            Some('n') => Loose::Flag(false),
            Some('#') => Loose::Number(self.word().into()),
            Some('$') => Loose::Text(self.word().into()),
            Some('[') => Loose::List(self.list(depth - 1)),
            Some('{') => Loose::Object(self.object(depth - 1)),
            _ => Loose::Nothing,
        }
    }

    fn list(&mut self, depth: usize) -> Vec<Loose> {
        let mut elements = Vec::new();
        while !self.rest.is_empty() && !self.skip(']') {
            elements.push(self.value(depth));
        }
        elements
    }

    fn object(&mut self, depth: usize) -> Vec<(String, Loose)> {
        let mut members = Vec::new();
        while self.skip(':') {
            let name = self.word().into();
            members.push((name, self.value(depth)));
        }
        self.skip('}');
        members
    }

    fn take(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let first = characters.next();
        self.rest = characters.as_str();
        first
    }

    fn skip(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn word(&mut self) -> &'a str {
        let (word, rest) = self.rest.split_once(END).unwrap_or((self.rest, ""));
        self.rest = rest;
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flat(value: &Loose) -> String {
        match value {
            Loose::Nothing => "z".into(),
            Loose::Flag(true) => "y".into(),
            Loose::Flag(false) => "n".into(),
            Loose::Number(text) => format!("#{text}{END}"),
            Loose::Text(text) => format!("${text}{END}"),
            Loose::List(elements) => format!("[{}]", elements.iter().map(flat).collect::<String>()),
            Loose::Object(members) => {
                let inner: String = members.iter().map(|(name, value)| format!(":{name}{END}{}", flat(value))).collect();
                format!("{{{inner}}}")
            }
        }
    }

    fn any_value() -> impl Strategy<Value = Loose> {
        let text = "[^\u{1f}]{0,12}";
        let leaf = prop_oneof![
            Just(Loose::Nothing),
            any::<bool>().prop_map(Loose::Flag),
            any::<i32>().prop_map(|number| Loose::Number(number.to_string())),
            text.prop_map(Loose::Text),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Loose::List),
                prop::collection::vec((text, inner), 0..4).prop_map(Loose::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_a_page_flattens_is_read_back(value in any_value()) {
            prop_assert_eq!(read(&flat(&value)), value);
        }

        #[test]
        fn any_text_is_read_without_a_panic_and_written_as_json(text: String) {
            let mut out = String::new();
            read(&text).write(&mut out);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok());
        }
    }

    #[test]
    fn nesting_without_end_is_cut() {
        let mut out = String::new();
        read(&"[".repeat(100_000)).write(&mut out);
        assert!(out.len() < 100, "{out}");
    }

    #[test]
    fn a_long_string_is_cut_between_characters() {
        let text = "é".repeat(limits::STRING_BYTES);
        assert_eq!(cut(&text).len(), limits::STRING_BYTES);
        assert_eq!(cut(&text[..limits::STRING_BYTES]).len(), limits::STRING_BYTES);
    }
}
