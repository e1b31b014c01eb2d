//! Untyped values, as a page or a server passed them.
//!
//! Callers pass numbers for ids and objects for lists. [`ReadValue`] reads such a value from both representations: from the flat text of a
//! call ([`FlatValue`](crate::flat_format::FlatValue), in the page), and from the tree that the collector parses from JSON ([`DynValue`]).

use crate::str_bytes::split_at;
use crate::{json_writer, limits, number_text};

/// How deep [`ReadValue::write`] nests: the limit of the collector, and twice the limit of a page.
const MAX_WRITE_DEPTH: usize = 2 * limits::MAX_DEPTH;

/// The type of a value, with the content of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind<'a> {
    /// `null`, `undefined`, or a value without meaning, such as a function.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as decimal text.
    Number(&'a str),
    /// A string.
    Text(&'a str),
    /// A list, see [`ReadValue::entries`].
    List,
    /// An object, see [`ReadValue::entries`].
    Object,
}

/// Read access to an untyped value.
pub trait ReadValue<'a>: Copy {
    /// The null value.
    const NULL: Self;

    /// Whether [`params`](crate::params) skips absent optional parameters before it writes their names. Saves time in the collector; in the
    /// page it would cost bytes.
    const SKIP_ABSENT: bool = false;

    /// See [`entries`](Self::entries).
    type Entries: Iterator<Item = (&'a str, Self)>;

    /// Returns the type of the value.
    fn kind(self) -> ValueKind<'a>;

    /// Returns the elements of a list, with empty names, or the properties of an object, in order; empty for any other value.
    fn entries(self) -> Self::Entries;

    /// Returns the first property `name` of an object; null if there is none, or for any other value.
    fn get(self, name: &str) -> Self {
        for (found, value) in self.entries() {
            if found == name {
                return value;
            }
        }
        Self::NULL
    }

    /// Appends this value as JSON. Strings are truncated to [`limits::MAX_STRING_BYTES`]; values nested too deep become null.
    fn write(self, out: &mut String) {
        write(self, MAX_WRITE_DEPTH, out);
    }
}

fn write<'a>(value: impl ReadValue<'a>, depth: usize, out: &mut String) {
    let (open, close) = match value.kind() {
        ValueKind::Bool(true) => return out.push_str("true"),
        ValueKind::Bool(false) => return out.push_str("false"),
        ValueKind::Number(text) if number_text::is_json_number(text) && number_text::fits_f64(text) => return out.push_str(text),
        ValueKind::Text(text) => return json_writer::push_string(out, truncate(text)),
        ValueKind::List if depth > 0 => (b'[', b']'),
        ValueKind::Object if depth > 0 => (b'{', b'}'),
        _ => return out.push_str("null"),
    };
    json_writer::push_ascii(out, open);
    for (name, value) in value.entries() {
        if open == b'{' {
            json_writer::push_key(out, truncate(name));
        } else {
            json_writer::push_comma(out);
        }
        write(value, depth - 1, out);
    }
    json_writer::push_ascii(out, close);
}

/// A value as a tree. `S` is how its texts are held: owned, or borrowed from the parsed text.
#[derive(Clone, Debug, PartialEq)]
pub enum DynValue<S = String> {
    /// See [`ValueKind::Null`].
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as decimal text.
    Number(S),
    /// A string.
    Text(S),
    /// A list; holes are [`DynValue::Null`].
    List(Vec<Self>),
    /// The properties of an object, in order.
    Object(Vec<(S, Self)>),
}

impl<S: AsRef<str>> DynValue<S> {
    /// Returns the first property `name` of an object; null if there is none, or for any other value.
    pub fn get(&self, name: &str) -> &Self {
        ReadValue::get(self, name)
    }
}

impl<S> DynValue<S> {
    /// Returns whether this is [`DynValue::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl<'a, S: AsRef<str>> ReadValue<'a> for &'a DynValue<S> {
    const NULL: Self = &DynValue::Null;
    const SKIP_ABSENT: bool = true;
    type Entries = Entries<'a, S>;

    fn kind(self) -> ValueKind<'a> {
        match self {
            DynValue::Null => ValueKind::Null,
            DynValue::Bool(flag) => ValueKind::Bool(*flag),
            DynValue::Number(text) => ValueKind::Number(text.as_ref()),
            DynValue::Text(text) => ValueKind::Text(text.as_ref()),
            DynValue::List(_) => ValueKind::List,
            DynValue::Object(_) => ValueKind::Object,
        }
    }

    fn entries(self) -> Entries<'a, S> {
        match self {
            DynValue::List(elements) => Entries::List(elements.iter()),
            DynValue::Object(members) => Entries::Object(members.iter()),
            _ => Entries::List([].iter()),
        }
    }
}

/// The elements or properties of a [`DynValue`].
#[derive(Clone, Debug)]
pub enum Entries<'a, S = String> {
    /// The elements of a list.
    List(std::slice::Iter<'a, DynValue<S>>),
    /// The properties of an object.
    Object(std::slice::Iter<'a, (S, DynValue<S>)>),
}

impl<'a, S: AsRef<str>> Iterator for Entries<'a, S> {
    type Item = (&'a str, &'a DynValue<S>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::List(elements) => elements.next().map(|element| ("", element)),
            Self::Object(members) => members.next().map(|(name, value)| (name.as_ref(), value)),
        }
    }
}

/// Returns the longest prefix of `text` within [`limits::MAX_STRING_BYTES`]; never splits a character.
pub fn truncate(text: &str) -> &str {
    split_at(text, text.floor_char_boundary(limits::MAX_STRING_BYTES)).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_string_is_truncated_between_characters() {
        let text = "é".repeat(limits::MAX_STRING_BYTES);
        assert_eq!(truncate(&text).len(), limits::MAX_STRING_BYTES);
        assert_eq!(truncate(&text[..limits::MAX_STRING_BYTES]).len(), limits::MAX_STRING_BYTES);
        assert_eq!(truncate("é"), "é");
    }

    #[test]
    fn first_property_of_a_name_counts() {
        let twice: DynValue = DynValue::Object(vec![("a".into(), DynValue::Bool(true)), ("a".into(), DynValue::Null)]);
        assert_eq!(twice.get("a"), &DynValue::Bool(true));
        assert_eq!(DynValue::<String>::List(vec![DynValue::Bool(true)]).get("a"), &DynValue::Null);
    }
}
