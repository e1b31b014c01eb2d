//! Whether a call has a meaning: a page refuses a call without one at once, so that the shop's developer sees it.
//!
//! The rules are those parts of the [event type table](crate::event_types) that can make a call invalid, computed from it at compile time: a
//! page downloads only these.

use crate::call::Call;
use crate::dyn_value::{ReadValue, ValueKind};
use crate::event_types::{EVENT_TYPES, EventType, ParamType};
use crate::flat_format::FlatValue;
use crate::params::text;
use crate::str_bytes::{split_first, split_once};
use crate::{email, limits};

/// Why a call is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallError {
    /// The machine-readable code; never changes.
    pub reason: &'static str,
    /// The invalid parameter, if there is one.
    pub field: &'static str,
}

/// The largest arguments of a call; the JSON of an event's parameters has the same limit, so an event stays below
/// [`limits::MAX_EVENT_BYTES`].
pub const MAX_PARAMS_BYTES: usize = limits::MAX_EVENT_BYTES - 32 * limits::KIB;

/// The type of the event that starts a session, and of the call that records when a page loaded.
pub const LAND: &str = "land";

/// The type of such a call if the visitor came from outside the shop: it makes a `land` event within a session too.
pub const ARRIVAL: &str = "arrival";

/// The type of the call that starts a new anonymous visitor, as after a logout; it has no event.
pub const RESET: &str = "reset";

/// What makes a value of a parameter valid; in the text of the rules, the first byte of a parameter.
mod rule {
    pub(super) const TEXT: u8 = b't';
    pub(super) const EMAIL: u8 = b'e';
    pub(super) const BOOL: u8 = b'b';
    pub(super) const TAGS: u8 = b'g';
    pub(super) const LINES: u8 = b'l';
    /// Not a parameter: one valid parameter is enough.
    pub(super) const ANY: u8 = b'?';
}

/// The rules: a line for each type, its name and the parameters without which a call is invalid, separated by spaces. One text is half as large
/// as a table of texts in a page's download.
const RULES: &str = {
    let (bytes, length) = &RULE_BYTES;
    match core::str::from_utf8(bytes.split_at(*length).0) {
        Ok(text) => text,
        Err(_) => "",
    }
};

#[cfg_attr(not(test), expect(clippy::indexing_slicing, reason = "evaluated at compile time"))]
static RULE_BYTES: ([u8; 1_024], usize) = {
    let mut out = ([0; 1_024], 0);
    let mut at = 0;
    while at < EVENT_TYPES.len() {
        out = with_rules(out, &EVENT_TYPES[at]);
        at += 1;
    }
    out
};

#[cfg_attr(not(test), expect(clippy::indexing_slicing, reason = "evaluated at compile time"))]
const fn with_rules(mut out: ([u8; 1_024], usize), event_type: &EventType) -> ([u8; 1_024], usize) {
    out = with_text(out, event_type.name);
    if event_type.requires_any {
        out = with_text(with_text(out, " "), "?");
    }
    let mut at = 0;
    while at < event_type.params.len() {
        let param = &event_type.params[at];
        let rule = match param.param_type {
            ParamType::Text | ParamType::PersonId | ParamType::OrderId | ParamType::Currency => " t",
            ParamType::Email => " e",
            ParamType::Bool => " b",
            ParamType::Tags => " g",
            ParamType::Lines(_) => " l",
            // Any other value has a default, or is optional.
            _ => "",
        };
        if !rule.is_empty() && (param.is_required || event_type.requires_any) {
            out = with_text(with_text(out, rule), param.name);
        }
        at += 1;
    }
    with_text(out, "\n")
}

#[cfg_attr(not(test), expect(clippy::indexing_slicing, reason = "evaluated at compile time"))]
const fn with_text(mut out: ([u8; 1_024], usize), text: &str) -> ([u8; 1_024], usize) {
    let mut at = 0;
    while at < text.len() {
        out.0[out.1] = text.as_bytes()[at];
        out.1 += 1;
        at += 1;
    }
    out
}

/// Returns why a call is invalid, if it is.
pub fn check(call: &Call<'_>) -> Result<(), CallError> {
    if call.kind == ARRIVAL {
        return Ok(());
    }
    let (mut name, mut params, mut others) = ("", "", RULES);
    while name != call.kind {
        if others.is_empty() {
            return Err(CallError { reason: "unknown_type", field: "type" });
        }
        let (rules, rest) = split_once(others, b'\n');
        (name, params) = split_once(rules, b' ');
        others = rest;
    }
    let (mut missing, mut requires_any) = ("", false);
    while !params.is_empty() {
        let (param, rest) = split_once(params, b' ');
        params = rest;
        let (rule, name) = split_first(param);
        requires_any |= rule == rule::ANY;
        let is_valid = is_valid(rule, call.params.get(name));
        if is_valid && requires_any {
            missing = "";
            break;
        }
        if !is_valid && missing.is_empty() {
            missing = name;
        }
    }
    if !missing.is_empty() {
        return Err(CallError { reason: "meaningless", field: missing });
    }
    if call.params.as_str().len() > MAX_PARAMS_BYTES { Err(CallError { reason: "too_large", field: "params" }) } else { Ok(()) }
}

fn is_valid(rule: u8, value: FlatValue<'_>) -> bool {
    let given = text(value).unwrap_or_default();
    match rule {
        rule::TEXT => !given.is_empty(),
        rule::EMAIL => email::normalise(given).is_some(),
        // The collector rejects a word that means neither; the list of words would be a hundredth of the page's download.
        rule::BOOL => matches!(value.kind(), ValueKind::Bool(_)) || !given.is_empty(),
        rule::TAGS => !given.is_empty() || value.entries().any(|(_, tag)| text(tag).is_some_and(|tag| !tag.is_empty())),
        rule::LINES => matches!(value.kind(), ValueKind::List | ValueKind::Object),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_types::Param;
    use crate::params;
    use proptest::prelude::*;

    fn call<'a>(kind: &'a str, params: &'a str) -> Call<'a> {
        Call { time: 5, seed: "0a", kind, store: "", params: FlatValue::new(params), record: FlatValue::default() }
    }

    #[test]
    fn unknown_type_missing_param_and_large_params_are_refused() {
        assert_eq!(check(&call("nonsense", "z")).unwrap_err().reason, "unknown_type");
        assert_eq!(check(&call("category_view", "z")).unwrap_err(), CallError { reason: "meaningless", field: "id" });
        let lines = format!("${}\u{1f}", "x".repeat(8_000)).repeat(8);
        let large = format!("{{:name\u{1f}$n\u{1f}:data\u{1f}[{lines}]}}");
        assert_eq!(check(&call("custom", &large)).unwrap_err().reason, "too_large");
        assert_eq!(check(&call(ARRIVAL, "z")), Ok(()));
    }

    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("z".to_owned()),
            Just("y".to_owned()),
            Just("n".to_owned()),
            "[0-9.-]{1,4}".prop_map(|text| format!("#{text}\u{1f}")),
            "[ a@x.b\t]{0,6}".prop_map(|text| format!("${text}\u{1f}")),
            prop::sample::select(vec!["yes", "OFF", "1", "a@x.com", "undefined"]).prop_map(|text| format!("${text}\u{1f}")),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|elements| format!("[{}]", elements.concat())),
                inner.prop_map(|value| format!("{{:product_id\u{1f}{value}}}")),
            ]
        })
    }

    proptest! {
        /// The page refuses what the collector would reject, with the same field, and nothing else. Only words for yes and no, and placeholders
        /// in place of ids, are left to the collector.
        #[test]
        fn page_and_collector_agree(at in 0..EVENT_TYPES.len(), values in prop::collection::vec(value(), 9)) {
            let event_type = &EVENT_TYPES[at];
            let members: String = event_type.params.iter().zip(values).map(|(param, value)| format!(":{}\u{1f}{value}", param.name)).collect();
            let text = format!("{{{members}}}");
            let made = params::parse(event_type, FlatValue::new(&text), "https://x/");
            let refused = check(&call(event_type.name, &text));
            let is_left = |param: &Param| matches!(param.param_type, ParamType::Bool | ParamType::PersonId | ParamType::OrderId);
            if refused.is_err() || !event_type.params.iter().any(is_left) {
                prop_assert_eq!(refused.err().map(|error| error.field), made.err().map(|missing| missing.name));
            }
        }
    }
}
