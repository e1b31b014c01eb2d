//! What was said before and need not be said again: the last basket, the orders, the profile.
//!
//! It belongs to the visitor, over all pages, tabs and visits. It is one text, in memory as where it is remembered, and the basket in it
//! stands as the page wrote it: few calls look at it, and those read it where it lies.

use super::basket_diff::difference;
use crate::call::Call;
use crate::dyn_value::ReadValue;
use crate::flat_format::FlatValue;
use crate::json_writer;
use crate::params::text;
use crate::str_bytes::{split_first, split_once};

/// How much is looked at; the oldest is forgotten first.
const MOST: u32 = 20;

/// Ends a note, the record separator of ASCII.
const END: u8 = 0x1e;

/// How notes begin: a basket, an order, a profile.
const BASKET: u8 = b'b';
const ORDER: u8 = b'o';
const PROFILE: u8 = b'p';

/// The memory: notes, the newest first, one of a basket, one of a profile, and orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DedupState(pub(super) String);

/// What a call says to somebody who remembers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DedupResult {
    /// The notes as they are with the call; empty where they stay as they were.
    pub(super) state: String,
    /// How the basket changed, as JSON; empty where it did not.
    pub(super) changes: String,
    /// Whether it was said before.
    pub(super) is_duplicate: bool,
}

impl DedupState {
    /// Returns the notes that `text` is; an unreadable text is nothing.
    pub fn load(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the text to remember; empty where there is nothing.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Returns what a call says.
    pub(super) fn check(&self, call: &Call<'_>) -> DedupResult {
        let given = call.params;
        let word = |name| text(given.get(name)).unwrap_or_default();
        let (mark, value) = match call.kind {
            "basket_update" => (BASKET, given.whole()),
            "order" => (ORDER, word("order_id")),
            "identify" => (PROFILE, word("profile_id")),
            _ => return DedupResult::default(),
        };
        let mut result = DedupResult { is_duplicate: value.is_empty(), ..DedupResult::default() };
        write(mark, value, &mut result.state);
        let (mut before, mut rest, mut left) = ("", self.text(), MOST);
        while !rest.is_empty() && left > 0 {
            let (note, others) = split_once(rest, END);
            let (kind, old) = split_first(note);
            rest = others;
            left -= 1;
            if kind == mark {
                before = old;
                result.is_duplicate |= old == value;
            }
            if kind != mark || mark == ORDER {
                write(kind, old, &mut result.state);
            }
        }
        if mark == BASKET {
            let difference = difference(FlatValue::new(before), given);
            result.is_duplicate = difference.is_none();
            result.changes = difference.unwrap_or_default();
        }
        if result.is_duplicate {
            result.state.clear();
        }
        result
    }
}

#[inline(never)]
fn write(mark: u8, value: &str, out: &mut String) {
    json_writer::push_ascii(out, mark);
    out.push_str(value);
    json_writer::push_ascii(out, END);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call<'a>(kind: &'a str, params: &'a str) -> Call<'a> {
        Call { time: 5, seed: "0a", api: "shop", kind, page: Default::default(), store: "", params: FlatValue::new(params) }
    }

    /// Returns whether a call is news, and remembers it.
    fn learn(notes: &mut DedupState, kind: &str, params: &str) -> bool {
        let result = notes.check(&call(kind, params));
        if !result.state.is_empty() {
            *notes = DedupState(result.state);
        }
        !result.is_duplicate
    }

    fn order(notes: &mut DedupState, id: &str) -> bool {
        learn(notes, "order", &format!("{{:order_id\u{1f}${id}\u{1f}}}"))
    }

    proptest! {
        #[test]
        fn what_was_said_is_duplicate_whatever_else_is_said(steps in prop::collection::vec((0_u8..3, 0_u8..4), 0..40)) {
            let mut notes = DedupState::default();
            let (mut basket, mut profile, mut orders) = (9, 9, Vec::new());
            for (what, which) in steps {
                let is_new = match what {
                    0 => learn(&mut notes, "basket_update", &format!("{{:lines\u{1f}[{{:product_id\u{1f}#{which}\u{1f}}}]}}")),
                    1 => learn(&mut notes, "identify", &format!("{{:profile_id\u{1f}#{which}\u{1f}}}")),
                    _ => order(&mut notes, &which.to_string()),
                };
                let expected = match what {
                    0 => std::mem::replace(&mut basket, which) != which,
                    1 => std::mem::replace(&mut profile, which) != which,
                    _ => !orders.contains(&which),
                };
                if what > 1 && is_new {
                    orders.push(which);
                }
                prop_assert_eq!(is_new, expected);
                notes = DedupState::load(notes.text());
            }
        }

        #[test]
        fn any_text_is_read(text: String) {
            let mut notes = DedupState::load(&text);
            order(&mut notes, "1");
            prop_assert!(!order(&mut notes, "1"));
        }
    }

    #[test]
    fn the_newest_orders_are_remembered() {
        let mut notes = DedupState::default();
        assert!((0..=MOST).all(|at| order(&mut notes, &at.to_string())));
        assert!(!order(&mut notes, "1"));
        assert!(order(&mut notes, "0"), "the oldest is forgotten");
    }
}
