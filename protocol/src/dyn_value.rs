//! A value as a page wrote it, before anybody knows what it should have been.
//!
//! A page passes numbers for ids, objects for lists and worse. Whoever reads one sees it as a [`ReadValue`], wherever it lies: the page's core
//! in the flat text that a call left ([`FlatValue`](crate::flat_format::FlatValue)), the collector in the tree that it made of JSON ([`DynValue`]).

use crate::str_bytes::split_at;
use crate::{json_writer, limits, number_text};

/// How deep [`ReadValue::write`] goes: what the collector accepts, and twice what a page writes.
const MAX_WRITE_DEPTH: usize = 2 * limits::MAX_DEPTH;

/// What a value is on the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind<'a> {
    /// `null`, `undefined`, or something that carries no meaning, such as a function.
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

/// A value of which nothing is known.
pub trait ReadValue<'a>: Copy {
    /// The value that carries no meaning.
    const NULL: Self;

    /// Whether parameters that are missing are looked for before their names are written. It saves the collector time, and would cost
    /// every page some bytes.
    const SKIP_ABSENT: bool = false;

    /// See [`entries`](Self::entries).
    type Entries: Iterator<Item = (&'a str, Self)>;

    /// Returns what this is.
    fn kind(self) -> ValueKind<'a>;

    /// Returns the elements of a list, under empty names, or the members of an object, in their order; of anything else nothing.
    fn entries(self) -> Self::Entries;

    /// Returns the first member `name` of an object, and of anything else nothing.
    fn get(self, name: &str) -> Self {
        for (found, value) in self.entries() {
            if found == name {
                return value;
            }
        }
        Self::NULL
    }

    /// Appends this value as JSON; strings are cut to [`limits::MAX_STRING_BYTES`], and what nests too deep is left out.
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

/// A value by itself, as a tree. `S` is how its texts are held: by itself, or where it can be borrowed from what was read.
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
    /// A list, holes included as [`DynValue::Null`].
    List(Vec<Self>),
    /// An object's own members, in their order.
    Object(Vec<(S, Self)>),
}

impl<S: AsRef<str>> DynValue<S> {
    /// Returns the member `name` of an object, and of anything else nothing.
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

/// What is in a [`DynValue`].
#[derive(Clone, Debug)]
pub enum Entries<'a, S = String> {
    /// The elements of a list.
    List(std::slice::Iter<'a, DynValue<S>>),
    /// The members of an object.
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

/// Returns as much of `text` as fits into [`limits::MAX_STRING_BYTES`], cut between characters.
pub fn truncate(text: &str) -> &str {
    split_at(text, text.floor_char_boundary(limits::MAX_STRING_BYTES)).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_string_is_cut_between_characters() {
        let text = "é".repeat(limits::MAX_STRING_BYTES);
        assert_eq!(truncate(&text).len(), limits::MAX_STRING_BYTES);
        assert_eq!(truncate(&text[..limits::MAX_STRING_BYTES]).len(), limits::MAX_STRING_BYTES);
        assert_eq!(truncate("é"), "é");
    }

    #[test]
    fn the_first_member_of_a_name_counts() {
        let twice: DynValue = DynValue::Object(vec![("a".into(), DynValue::Bool(true)), ("a".into(), DynValue::Null)]);
        assert_eq!(twice.get("a"), &DynValue::Bool(true));
        assert_eq!(DynValue::<String>::List(vec![DynValue::Bool(true)]).get("a"), &DynValue::Null);
    }
}
