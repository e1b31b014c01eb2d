//! Parses the parameters of an event by the table of [`event_types`](crate::event_types).
//!
//! Parsing is lenient about types: a number may stand for a string, an object for a list. An event without a valid required parameter is
//! rejected, with the name of that parameter. Parsing is idempotent: parsed parameters parse to themselves.

use std::collections::HashSet;

use crate::address_rule::{AddressRule, Unchanged};
use crate::dyn_value::{ReadValue, ValueKind, truncate};
use crate::event_types::{EventType, Param, ParamType};
use crate::placeholder::is_placeholder;
use crate::str_bytes::trim;
use crate::{email, json_writer, limits, number_text, price_text};

/// What an event of a type must have that needs any one of several parameters.
const ANY_PARAM: &str = "there, or another parameter of the type";

/// A required parameter is missing or invalid, or a parameter has too many elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidParam {
    /// The name of the parameter. If the type needs any one of several, the name of the first.
    pub name: &'static str,
    /// What its value must be.
    pub expected: &'static str,
    /// How many elements it may have, if it has more.
    pub limit: Option<usize>,
}

/// The parameters of an event as a JSON object: checked against the [event type table](crate::event_types) and normalised.
///
/// [`parse`] makes them from what a sender wrote. There is no other way to turn unchecked text into parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventParams(pub(crate) String);

impl EventParams {
    /// Returns parameters that were validated before they were stored; `text` is not checked again.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::ops::Deref for EventParams {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// What parameters are parsed with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The address of the page; it replaces a missing address parameter.
    pub page_url: &'a str,
    /// The rule for addresses.
    pub addresses: &'a dyn AddressRule,
    /// The currency of amounts, and the one that replaces a missing currency; empty if unknown.
    currency: &'a str,
}

impl<'a> Context<'a> {
    /// Returns a context.
    pub fn new(page_url: &'a str, addresses: &'a dyn AddressRule, currency: &'a str) -> Self {
        Self { page_url, addresses, currency }
    }
}

/// Returns the parameters of an event as a JSON object.
///
/// `page_url` is the address of the page; it replaces a missing address parameter.
pub fn parse<'a>(event_type: &EventType, values: impl ReadValue<'a>, page_url: &str) -> Result<EventParams, InvalidParam> {
    parse_into(String::new(), event_type, values, Context::new(page_url, &Unchanged, ""))
}

/// Like [`parse`], with an empty string whose capacity is used.
#[inline]
pub fn parse_into<'a>(
    mut out: String,
    event_type: &EventType,
    values: impl ReadValue<'a>,
    context: Context<'_>,
) -> Result<EventParams, InvalidParam> {
    write_object(event_type.params, values, context, &mut out)?;
    if event_type.requires_any && out == "{}" {
        let invalid = |first: &Param| {
            let expected = if values.get(first.name).kind() == ValueKind::Null { ANY_PARAM } else { first.param_type.expected() };
            InvalidParam { name: first.name, expected, limit: None }
        };
        return event_type.params.first().map_or(Ok(EventParams(out)), |first| Err(invalid(first)));
    }
    Ok(EventParams(out))
}

/// Appends a JSON object with the parameters that are present; fails if a required one is missing, or if a list is too long.
fn write_object<'a, V: ReadValue<'a>>(
    params: &'static [Param],
    from: V,
    context: Context<'_>,
    out: &mut String,
) -> Result<(), InvalidParam> {
    let has_currency = params.iter().any(|param| param.param_type == ParamType::Currency);
    let given = text(from.get("currency")).filter(|currency| has_currency && !currency.is_empty());
    let context = Context { currency: given.unwrap_or(context.currency), ..context };
    json_writer::push_ascii(out, b'{');
    for param in params {
        // The result is the same; this only saves time.
        if V::SKIP_ABSENT && !param.is_required && param.param_type != ParamType::Currency && from.get(param.name).kind() == ValueKind::Null
        {
            continue;
        }
        let before = out.len();
        json_writer::push_key(out, param.name);
        let invalid = |limit| InvalidParam { name: param.name, expected: param.param_type.expected(), limit };
        if !write_value(&param.param_type, from.get(param.name), context, out).map_err(|limit| invalid(Some(limit)))? {
            out.truncate(before);
            if param.is_required {
                return Err(invalid(None));
            }
        }
    }
    json_writer::push_ascii(out, b'}');
    Ok(())
}

/// Appends `value` converted to `param_type`; returns false if that fails, and may have appended a part. The error is the greatest number of
/// elements if there are more.
fn write_value<'a>(param_type: &ParamType, value: impl ReadValue<'a>, context: Context<'_>, out: &mut String) -> Result<bool, usize> {
    let given = text(value).unwrap_or_default();
    let made;
    let string = match param_type {
        ParamType::PersonId if is_placeholder(given) => "",
        ParamType::OrderId if is_placeholder(given) && given != "0" => "",
        ParamType::Text | ParamType::TextOrEmpty | ParamType::PersonId | ParamType::OrderId => given,
        ParamType::Currency => {
            made = currency_code(context.currency);
            made.as_deref().unwrap_or(context.currency)
        }
        ParamType::PageUrl | ParamType::Url => {
            let address = if given.is_empty() && *param_type == ParamType::PageUrl { trim(context.page_url) } else { given };
            made = context.addresses.page(address);
            made.as_deref().unwrap_or(address)
        }
        ParamType::SourceUrl => {
            made = context.addresses.source(given);
            made.as_deref().unwrap_or(given)
        }
        ParamType::Email => {
            made = email::normalise(given);
            made.as_deref().unwrap_or_default()
        }
        ParamType::Quantity => return Ok(write_number(Some(number_text::parse_quantity(given)), out)),
        ParamType::ChangedQuantity => return Ok(write_number(Some(number_text::parse_quantity(without_sign(given))), out)),
        ParamType::LineQuantity => {
            let quantity = number_text::parse_change(given).unwrap_or_else(|| "1".into());
            return Ok(write_number(Some(quantity).filter(|quantity| number_text::is_above_zero(quantity)), out));
        }
        ParamType::Money => return Ok(write_number(price_text::parse_price(given, currency_of(value, context)), out)),
        ParamType::Bool => return Ok(write_bool(value, given, out)),
        ParamType::Tags => return check_count(value, limits::MAX_TAGS).map(|()| write_tags(value, out)),
        ParamType::Any => return Ok(write_any(value, out)),
        ParamType::Lines(line) => {
            return check_count(value, limits::MAX_LINES).map(|()| write_lines(line.params(), value, context, out));
        }
    };
    json_writer::push_string(out, truncate(string));
    Ok(!string.is_empty() || matches!(param_type, ParamType::TextOrEmpty | ParamType::SourceUrl))
}

/// Returns whether a quantity is negative: its change is one in the other direction.
pub fn is_negative_quantity<'a>(params: impl ReadValue<'a>) -> bool {
    let quantity = text(params.get("quantity")).and_then(number_text::parse_change);
    quantity.is_some_and(|quantity| quantity != "0" && !number_text::is_above_zero(&quantity))
}

/// Returns a currency's three letters as capitals, as ISO 4217 has them; None if it needs no change. Shop systems print both.
pub fn currency_code(currency: &str) -> Option<String> {
    let is_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_alphabetic());
    (is_code && currency.bytes().any(|byte| byte.is_ascii_lowercase())).then(|| currency.to_ascii_uppercase())
}

fn without_sign(quantity: &str) -> &str {
    quantity.strip_prefix('-').unwrap_or(quantity)
}

/// Returns the currency for an amount. A number was printed by a program, so its point is a decimal sign in any currency.
fn currency_of<'a, 'c>(value: impl ReadValue<'a>, context: Context<'c>) -> &'c str {
    if matches!(value.kind(), ValueKind::Number(_)) { "" } else { context.currency }
}

/// Fails with the limit if there are more elements. The holes of a list with holes are none.
fn check_count<'a>(value: impl ReadValue<'a>, limit: usize) -> Result<(), usize> {
    let elements = value.entries().filter(|(_, element)| element.kind() != ValueKind::Null);
    if elements.take(limit + 1).count() > limit { Err(limit) } else { Ok(()) }
}

fn write_number(number: Option<String>, out: &mut String) -> bool {
    out.push_str(number.as_deref().unwrap_or_default());
    number.is_some()
}

fn write_any<'a>(value: impl ReadValue<'a>, out: &mut String) -> bool {
    value.write(out);
    // A number that does not fit a float is written as null.
    !out.ends_with("null")
}

fn write_bool<'a>(value: impl ReadValue<'a>, given: &str, out: &mut String) -> bool {
    if let ValueKind::Bool(_) = value.kind() {
        return write_any(value, out);
    }
    out.push_str(bool_word(given).unwrap_or_default());
    bool_word(given).is_some()
}

/// Returns `true` or `false` for a word that means it; None for any other text.
pub(crate) fn bool_word(given: &str) -> Option<&'static str> {
    const BOOL_WORDS: [(&str, &str); 8] = [
        ("true", "true"),
        ("1", "true"),
        ("yes", "true"),
        ("on", "true"),
        ("false", "false"),
        ("0", "false"),
        ("no", "false"),
        ("off", "false"),
    ];
    BOOL_WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(given)).map(|(_, meaning)| *meaning)
}

fn write_tags<'a>(value: impl ReadValue<'a>, out: &mut String) -> bool {
    let mut seen = HashSet::new();
    json_writer::push_ascii(out, b'[');
    // A string has no entries; a list has no text.
    write_tag(value, &mut seen, out);
    for (_, element) in value.entries() {
        write_tag(element, &mut seen, out);
    }
    json_writer::push_ascii(out, b']');
    !seen.is_empty()
}

fn write_tag<'a>(value: impl ReadValue<'a>, seen: &mut HashSet<String>, out: &mut String) {
    let tag = truncate(text(value).unwrap_or_default());
    if !tag.is_empty() && seen.insert(tag.to_ascii_lowercase()) {
        json_writer::push_comma(out);
        json_writer::push_string(out, tag);
    }
}

fn write_lines<'a>(params: &'static [Param], value: impl ReadValue<'a>, context: Context<'_>, out: &mut String) -> bool {
    json_writer::push_ascii(out, b'[');
    for (_, line) in value.entries() {
        let before = out.len();
        json_writer::push_comma(out);
        if write_object(params, line, context, out).is_err() {
            out.truncate(before);
        }
    }
    json_writer::push_ascii(out, b']');
    matches!(value.kind(), ValueKind::List | ValueKind::Object)
}

/// Returns a string or a number as trimmed text; None for any other value. A boolean is excluded: servers print `false` for a missing value.
pub(crate) fn text<'a>(value: impl ReadValue<'a>) -> Option<&'a str> {
    match value.kind() {
        ValueKind::Text(text) | ValueKind::Number(text) => Some(trim(text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dyn_value::DynValue;
    use crate::event_types::{self, EVENT_TYPES};
    use crate::flat_format::FlatValue;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn dyn_value(value: &Value) -> DynValue {
        match value {
            Value::Null => DynValue::Null,
            Value::Bool(flag) => DynValue::Bool(*flag),
            Value::Number(number) => DynValue::Number(number.to_string()),
            Value::String(text) => DynValue::Text(text.clone()),
            Value::Array(elements) => DynValue::List(elements.iter().map(dyn_value).collect()),
            Value::Object(members) => DynValue::Object(members.iter().map(|(name, value)| (name.clone(), dyn_value(value))).collect()),
        }
    }

    fn parse_json(kind: &str, fields: &Value) -> Result<Value, &'static str> {
        let text = parse(event_types::find(kind).unwrap(), &dyn_value(fields), "https://shop/page").map_err(|missing| missing.name)?;
        Ok(serde_json::from_str(text.as_str()).unwrap())
    }

    #[test]
    fn lenient_input_is_normalised() {
        let long = "x".repeat(limits::MAX_STRING_BYTES);
        let table = [
            ("product_view", json!({"product_id": 2}), json!({"product_id": "2"})),
            ("basket_add", json!({"product_id": "2", "quantity": "3"}), json!({"product_id": "2", "quantity": 3})),
            ("basket_add", json!({"product_id": 2, "quantity": -3}), json!({"product_id": "2", "quantity": 3})),
            ("basket_add", json!({"product_id": 2, "quantity": "1,5"}), json!({"product_id": "2", "quantity": 1.5})),
            ("basket_add", json!({"product_id": 2, "quantity": 0}), json!({"product_id": "2", "quantity": 1})),
            (
                "basket_update",
                json!({"total": "1.234", "currency": "vnd", "lines": [
                    {"product_id": 1, "quantity": 0}, {"product_id": 2, "quantity": -1}, {"product_id": 3}, {"product_id": 4, "quantity": "2,00", "price": "1.500"}]}),
                json!({"total": 1234, "currency": "VND", "lines": [{"product_id": "3", "quantity": 1}, {"product_id": "4", "quantity": 2, "price": 1500}]}),
            ),
            ("basket_add", json!({"product_id": 2}), json!({"product_id": "2", "quantity": 1})),
            ("order", json!({"order_id": 2, "total": 9.3e12, "tax": 9.2e12}), json!({"order_id": "2", "tax": 9_200_000_000_000_u64})),
            ("page_view", json!({"name": null}), json!({"url": "https://shop/page"})),
            ("page_view", json!({"url": "/a", "name": ""}), json!({"url": "/a"})),
            ("page_view", json!({"url": ""}), json!({"url": "https://shop/page"})),
            ("search", json!({"query": ""}), json!({"query": "", "url": "https://shop/page"})),
            ("tag", json!({"tags": {"1": "customer", "3": "Customer"}}), json!({"tags": ["customer"]})),
            ("tag", json!({"tags": "vip"}), json!({"tags": ["vip"]})),
            ("tag", json!({"tags": [format!("{long}a"), format!("{long}b")]}), json!({"tags": [long]})),
            ("customer_details", json!({"subscribed": "", "first_name": "Jo"}), json!({"first_name": "Jo"})),
            ("customer_details", json!({"subscribed": 0}), json!({"subscribed": false})),
            ("identify", json!({"email": " A@x.com "}), json!({"email": "a@x.com"})),
            ("land", json!({}), json!({"current_url": "https://shop/page", "source_url": ""})),
            ("checkout", json!({"stage": 2, "more": true}), json!({"stage": "2"})),
            ("order", json!({"order_id": 0, "currency": "€"}), json!({"order_id": "0", "currency": "€"})),
            (
                "order",
                json!({"order_id": 7, "total": "£1,234.50", "lines": [{"product_id": 1}, {"quantity": 2}]}),
                json!({"order_id": "7", "total": 1234.5, "lines": [{"product_id": "1", "quantity": 1}]}),
            ),
        ];
        for (kind, written, stored) in table {
            assert_eq!(parse_json(kind, &written), Ok(stored), "{kind} {written}");
        }
    }

    #[test]
    fn missing_param_is_rejected_by_name() {
        let table = [
            ("product_view", json!({}), "product_id"),
            ("product_view", json!({"product_id": false}), "product_id"),
            ("product_view", json!({"product_id": {"a": 1}}), "product_id"),
            ("customer_details", json!({}), "first_name"),
            ("identify", json!({"email": "undefined"}), "email"),
            ("identify", json!({"profile_id": "[object Object]"}), "email"),
            ("identify", json!({"profile_id": "{{ customer.id }}"}), "email"),
            ("tag", json!({"tags": []}), "tags"),
            ("custom", json!({"name": " "}), "name"),
        ];
        for (kind, written, field) in table {
            assert_eq!(parse_json(kind, &written), Err(field), "{kind} {written}");
        }
        let land = EVENT_TYPES.iter().find(|kind| kind.name == "land").unwrap();
        let address_of_spaces = parse(land, FlatValue::new("{}"), " \u{1a}");
        assert_eq!(address_of_spaces, Err(InvalidParam { name: "current_url", expected: "the address of a page", limit: None }));
    }

    #[test]
    fn number_that_does_not_fit_f64_is_null() {
        let event_type = EVENT_TYPES.iter().find(|kind| kind.name == "custom").unwrap();
        for data in ["#1e999\u{1f}", "z"] {
            let given = format!("{{:name\u{1f}$a\u{1f}:data\u{1f}{data}}}");
            assert_eq!(parse(event_type, FlatValue::new(&given), ""), Ok(EventParams(r#"{"name":"a"}"#.into())));
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ a-z0-9.,@-]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            let names = prop::sample::select(vec!["product_id", "quantity", "price", "x"]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::vec((names, inner), 0..3)
                    .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn parsing_is_idempotent(at in 0..EVENT_TYPES.len(), values in prop::collection::vec(any_value(), 9)) {
            let event_type = &EVENT_TYPES[at];
            let fields: Value = event_type.params.iter().zip(values).map(|(param, value)| (param.name.to_owned(), value)).collect();
            if let Ok(once) = parse_json(event_type.name, &fields) {
                prop_assert_eq!(parse_json(event_type.name, &once), Ok(once));
            }
        }
    }
}
