//! A value as a page wrote it, before anybody knows what it should have been.
//!
//! A page passes numbers for ids, objects for lists and worse. Whoever reads one sees it as a [`Value`], wherever it lies: the page's core
//! in the flat text that a call left ([`Flat`](crate::flat::Flat)), the collector in the tree that it made of JSON ([`Loose`]).

use crate::text::split;
use crate::{json, limits, number};

/// How deep [`Value::write`] goes: what the collector accepts, and twice what a page writes.
const DEPTH: usize = 2 * limits::DEPTH;

/// What a value is on the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// `null`, `undefined`, or something that carries no meaning, such as a function.
    Nothing,
    /// `true` or `false`.
    Flag(bool),
    /// A number, as decimal text.
    Number(&'a str),
    /// A string.
    Text(&'a str),
    /// A list, see [`Value::members`].
    List,
    /// An object, see [`Value::members`].
    Object,
}

/// A value of which nothing is known.
pub trait Value<'a>: Copy {
    /// The value that carries no meaning.
    const NOTHING: Self;

    /// Whether parameters that are missing are looked for before their names are written. It saves the collector time, and would cost
    /// every page some bytes.
    const LOOKS_FIRST: bool = false;

    /// See [`members`](Self::members).
    type Members: Iterator<Item = (&'a str, Self)>;

    /// Returns what this is.
    fn form(self) -> Form<'a>;

    /// Returns the elements of a list, under empty names, or the members of an object, in their order; of anything else nothing.
    fn members(self) -> Self::Members;

    /// Returns the first member `name` of an object, and of anything else nothing.
    fn member(self, name: &str) -> Self {
        for (found, value) in self.members() {
            if found == name {
                return value;
            }
        }
        Self::NOTHING
    }

    /// Appends this value as JSON; strings are cut to [`limits::STRING_BYTES`], and what nests too deep is left out.
    fn write(self, out: &mut String) {
        write(self, DEPTH, out);
    }
}

fn write<'a>(value: impl Value<'a>, depth: usize, out: &mut String) {
    let (open, close) = match value.form() {
        Form::Flag(true) => return out.push_str("true"),
        Form::Flag(false) => return out.push_str("false"),
        Form::Number(text) if number::is_json(text) && number::is_held(text) => return out.push_str(text),
        Form::Text(text) => return json::string(out, cut(text)),
        Form::List if depth > 0 => (b'[', b']'),
        Form::Object if depth > 0 => (b'{', b'}'),
        _ => return out.push_str("null"),
    };
    json::push(out, open);
    for (name, value) in value.members() {
        if open == b'{' {
            json::key(out, cut(name));
        } else {
            json::separate(out);
        }
        write(value, depth - 1, out);
    }
    json::push(out, close);
}

/// A value by itself, as a tree. `S` is how its texts are held: by itself, or where it can be borrowed from what was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Loose<S = String> {
    /// See [`Form::Nothing`].
    Nothing,
    /// `true` or `false`.
    Flag(bool),
    /// A number, as decimal text.
    Number(S),
    /// A string.
    Text(S),
    /// A list, holes included as [`Loose::Nothing`].
    List(Vec<Self>),
    /// An object's own members, in their order.
    Object(Vec<(S, Self)>),
}

impl<S: AsRef<str>> Loose<S> {
    /// Returns the member `name` of an object, and of anything else nothing.
    pub fn get(&self, name: &str) -> &Self {
        self.member(name)
    }
}

impl<S> Loose<S> {
    /// Returns whether this is [`Loose::Nothing`].
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

impl<'a, S: AsRef<str>> Value<'a> for &'a Loose<S> {
    const NOTHING: Self = &Loose::Nothing;
    const LOOKS_FIRST: bool = true;
    type Members = Members<'a, S>;

    fn form(self) -> Form<'a> {
        match self {
            Loose::Nothing => Form::Nothing,
            Loose::Flag(flag) => Form::Flag(*flag),
            Loose::Number(text) => Form::Number(text.as_ref()),
            Loose::Text(text) => Form::Text(text.as_ref()),
            Loose::List(_) => Form::List,
            Loose::Object(_) => Form::Object,
        }
    }

    fn members(self) -> Members<'a, S> {
        match self {
            Loose::List(elements) => Members::List(elements.iter()),
            Loose::Object(members) => Members::Object(members.iter()),
            _ => Members::List([].iter()),
        }
    }
}

/// What is in a [`Loose`].
#[derive(Clone, Debug)]
pub enum Members<'a, S = String> {
    /// The elements of a list.
    List(std::slice::Iter<'a, Loose<S>>),
    /// The members of an object.
    Object(std::slice::Iter<'a, (S, Loose<S>)>),
}

impl<'a, S: AsRef<str>> Iterator for Members<'a, S> {
    type Item = (&'a str, &'a Loose<S>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::List(elements) => elements.next().map(|element| ("", element)),
            Self::Object(members) => members.next().map(|(name, value)| (name.as_ref(), value)),
        }
    }
}

/// Returns as much of `text` as fits into [`limits::STRING_BYTES`], cut between characters.
pub fn cut(text: &str) -> &str {
    split(text, text.floor_char_boundary(limits::STRING_BYTES)).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_string_is_cut_between_characters() {
        let text = "é".repeat(limits::STRING_BYTES);
        assert_eq!(cut(&text).len(), limits::STRING_BYTES);
        assert_eq!(cut(&text[..limits::STRING_BYTES]).len(), limits::STRING_BYTES);
        assert_eq!(cut("é"), "é");
    }

    #[test]
    fn the_first_member_of_a_name_counts() {
        let twice: Loose = Loose::Object(vec![("a".into(), Loose::Flag(true)), ("a".into(), Loose::Nothing)]);
        assert_eq!(twice.get("a"), &Loose::Flag(true));
        assert_eq!(Loose::<String>::List(vec![Loose::Flag(true)]).get("a"), &Loose::Nothing);
    }
}
