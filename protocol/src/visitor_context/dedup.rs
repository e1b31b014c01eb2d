//! The deduplication state: the last basket, recent orders and the profile, so that repeated calls give no events.
//!
//! It belongs to the visitor, across pages, tabs and sessions. It is one text, in memory and in local storage, with the basket in the flat
//! format: few calls read it, and they read it in place.

use super::basket_diff::difference;
use crate::call::Call;
use crate::dyn_value::ReadValue;
use crate::flat_format::FlatValue;
use crate::params::text;
use crate::str_bytes::{split_first, split_once};
use crate::{json_writer, limits};

/// The greatest number of records; the oldest are deleted first.
const MAX_RECORDS: u32 = 20;

/// The end of a record: ASCII's record separator.
const RECORD_END: u8 = 0x1e;

/// The first byte of a record: its type.
const BASKET: u8 = b'b';
const ORDER: u8 = b'o';
const PROFILE: u8 = b'p';

/// The state: records, the newest first; at most one basket, one profile, and several orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DedupState(pub(super) String);

/// The result of the check of a call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DedupResult {
    /// The state after the call; empty if it does not change.
    pub(super) state: String,
    /// The changes of the basket, as a flat list; empty if there are none.
    pub(super) changes: String,
    /// Whether the call repeats an earlier one.
    pub(super) is_duplicate: bool,
}

impl DedupState {
    /// Returns the state that [`text`](Self::text) wrote; invalid text gives an empty state, and so does a text that is longer than a page
    /// writes: each call copies the state.
    pub fn load(text: &str) -> Self {
        Self(if text.len() > limits::MAX_EVENT_BYTES { "" } else { text }.into())
    }

    /// Returns the text to save; empty if there are no records.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Compares a call with the state, which stays unchanged.
    pub(super) fn check(&self, call: &Call<'_>) -> DedupResult {
        let params = call.params;
        let param = |name| text(params.get(name)).unwrap_or_default();
        let (record_type, value) = match call.kind {
            "basket_update" => (BASKET, params.as_str()),
            "order" => (ORDER, param("order_id")),
            "identify" => (PROFILE, param("profile_id")),
            _ => return DedupResult::default(),
        };
        let mut result = DedupResult { is_duplicate: value.is_empty(), ..DedupResult::default() };
        push_record(record_type, value, &mut result.state);
        let (mut before, mut rest, mut left) = ("", self.text(), MAX_RECORDS);
        while !rest.is_empty() && left > 0 {
            let (record, others) = split_once(rest, RECORD_END);
            let (other_type, old) = split_first(record);
            rest = others;
            left -= 1;
            if other_type == record_type {
                before = old;
                result.is_duplicate |= old == value;
            }
            if other_type != record_type || record_type == ORDER {
                push_record(other_type, old, &mut result.state);
            }
        }
        if record_type == BASKET {
            let difference = difference(FlatValue::new(before), params);
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
fn push_record(record_type: u8, value: &str, out: &mut String) {
    json_writer::push_ascii(out, record_type);
    out.push_str(value);
    json_writer::push_ascii(out, RECORD_END);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call<'a>(kind: &'a str, params: &'a str) -> Call<'a> {
        Call { time: 5, seed: "0a", kind, store: "", params: FlatValue::new(params), record: FlatValue::default() }
    }

    /// Checks a call and saves the new state; returns whether the call is new.
    fn is_new(state: &mut DedupState, kind: &str, params: &str) -> bool {
        let result = state.check(&call(kind, params));
        if !result.state.is_empty() {
            *state = DedupState(result.state);
        }
        !result.is_duplicate
    }

    fn order(state: &mut DedupState, id: &str) -> bool {
        is_new(state, "order", &format!("{{:order_id\u{1f}${id}\u{1f}}}"))
    }

    proptest! {
        #[test]
        fn repeated_call_is_a_duplicate_despite_other_calls(steps in prop::collection::vec((0_u8..3, 0_u8..4), 0..40)) {
            let mut state = DedupState::default();
            let (mut basket, mut profile, mut orders) = (9, 9, Vec::new());
            for (what, which) in steps {
                let is_new = match what {
                    0 => is_new(&mut state, "basket_update", &format!("{{:lines\u{1f}[{{:product_id\u{1f}#{which}\u{1f}}}]}}")),
                    1 => is_new(&mut state, "identify", &format!("{{:profile_id\u{1f}#{which}\u{1f}}}")),
                    _ => order(&mut state, &which.to_string()),
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
                state = DedupState::load(state.text());
            }
        }

        #[test]
        fn any_text_is_accepted(text: String) {
            let mut state = DedupState::load(&text);
            order(&mut state, "1");
            prop_assert!(!order(&mut state, "1"));
        }
    }

    #[test]
    fn newest_orders_are_remembered() {
        let mut state = DedupState::default();
        assert!((0..=MAX_RECORDS).all(|at| order(&mut state, &at.to_string())));
        assert!(!order(&mut state, "1"));
        assert!(order(&mut state, "0"), "the oldest is deleted");
    }
}
