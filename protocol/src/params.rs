//! Parses the parameters of an event by the table of [`event_types`](crate::event_types).
//!
//! Parsing is lenient about types: a number may stand for a string, an object for a list. An event without a valid required parameter is
//! rejected, with the name of that parameter. Parsing is idempotent: parsed parameters parse to themselves.

use crate::dyn_value::{ReadValue, ValueKind, truncate};
use crate::event_types::{EventType, Param, ParamType};
use crate::str_bytes::trim;
use crate::{email, json_writer, number_text};

/// A required parameter is missing or invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingParam {
    /// The name of the parameter. If the type needs any one of several, the name of the first.
    pub name: &'static str,
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

/// Returns the parameters of an event as a JSON object.
///
/// `page_url` is the address of the page; it replaces a missing address parameter.
pub fn parse<'a>(event_type: &EventType, values: impl ReadValue<'a>, page_url: &str) -> Result<EventParams, MissingParam> {
    parse_into(String::new(), event_type, values, page_url)
}

/// Like [`parse`], with an empty string whose capacity is used.
#[inline]
pub fn parse_into<'a>(
    mut out: String,
    event_type: &EventType,
    values: impl ReadValue<'a>,
    page_url: &str,
) -> Result<EventParams, MissingParam> {
    write_object(event_type.params, values, page_url, &mut out)?;
    if event_type.requires_any && out == "{}" {
        return Err(MissingParam { name: event_type.params.first().map_or("", |param| param.name) });
    }
    Ok(EventParams(out))
}

/// Appends a JSON object with the parameters that are present; fails if a required one is missing.
pub(crate) fn write_object<'a, V: ReadValue<'a>>(
    params: &'static [Param],
    from: V,
    page_url: &str,
    out: &mut String,
) -> Result<(), MissingParam> {
    json_writer::push_ascii(out, b'{');
    for param in params {
        // The result is the same; this only saves time.
        if V::SKIP_ABSENT && !param.is_required && from.get(param.name).kind() == ValueKind::Null {
            continue;
        }
        let before = out.len();
        json_writer::push_key(out, param.name);
        if !write_value(&param.param_type, from.get(param.name), page_url, out) {
            out.truncate(before);
            if param.is_required {
                return Err(MissingParam { name: param.name });
            }
        }
    }
    json_writer::push_ascii(out, b'}');
    Ok(())
}

/// Appends `value` converted to `param_type`; returns false if that fails, and may have appended a part.
fn write_value<'a>(param_type: &ParamType, value: impl ReadValue<'a>, page_url: &str, out: &mut String) -> bool {
    let given = text(value).unwrap_or_default();
    let made;
    let string = match param_type {
        ParamType::PageUrl if given.is_empty() => page_url,
        ParamType::Text | ParamType::TextOrEmpty | ParamType::PageUrl => given,
        ParamType::Email => {
            made = email::normalise(given).unwrap_or_default();
            &made
        }
        ParamType::Quantity => return write_number(Some(number_text::parse_quantity(given)), out),
        ParamType::Money => return write_number(number_text::parse_money(given), out),
        ParamType::Bool => return write_bool(value, given, out),
        ParamType::Tags => return write_tags(value, out),
        ParamType::Any => return write_any(value, out),
        ParamType::Lines(line) => return write_lines(line.params(), value, page_url, out),
    };
    json_writer::push_string(out, truncate(string));
    !string.is_empty() || matches!(param_type, ParamType::TextOrEmpty)
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
    if let ValueKind::Bool(_) = value.kind() {
        return write_any(value, out);
    }
    for (word, meaning) in BOOL_WORDS {
        if word.eq_ignore_ascii_case(given) {
            out.push_str(meaning);
            return true;
        }
    }
    false
}

fn write_tags<'a>(value: impl ReadValue<'a>, out: &mut String) -> bool {
    let mut seen = Vec::new();
    json_writer::push_ascii(out, b'[');
    // A string has no entries; a list has no text.
    write_tag(value, &mut seen, out);
    for (_, element) in value.entries() {
        write_tag(element, &mut seen, out);
    }
    json_writer::push_ascii(out, b']');
    !seen.is_empty()
}

fn write_tag<'a>(value: impl ReadValue<'a>, seen: &mut Vec<&'a str>, out: &mut String) {
    let tag = text(value).unwrap_or_default();
    if !tag.is_empty() && !seen.iter().any(|other| other.eq_ignore_ascii_case(tag)) {
        json_writer::push_comma(out);
        json_writer::push_string(out, truncate(tag));
        seen.push(tag);
    }
}

fn write_lines<'a>(params: &'static [Param], value: impl ReadValue<'a>, page_url: &str, out: &mut String) -> bool {
    json_writer::push_ascii(out, b'[');
    for (_, line) in value.entries() {
        let before = out.len();
        json_writer::push_comma(out);
        if write_object(params, line, page_url, out).is_err() {
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
        let table = [
            ("product_view", json!({"product_id": 2}), json!({"product_id": "2"})),
            ("basket_add", json!({"product_id": "2", "quantity": "3"}), json!({"product_id": "2", "quantity": 3})),
            ("basket_add", json!({"product_id": 2, "quantity": -1}), json!({"product_id": "2", "quantity": 1})),
            ("basket_add", json!({"product_id": 2}), json!({"product_id": "2", "quantity": 1})),
            ("page_view", json!({"name": null}), json!({"url": "https://shop/page"})),
            ("page_view", json!({"url": "/a", "name": ""}), json!({"url": "/a"})),
            ("page_view", json!({"url": ""}), json!({"url": "https://shop/page"})),
            ("search", json!({"query": ""}), json!({"query": "", "url": "https://shop/page"})),
            ("tag", json!({"tags": {"1": "customer", "3": "Customer"}}), json!({"tags": ["customer"]})),
            ("tag", json!({"tags": "vip"}), json!({"tags": ["vip"]})),
            ("customer_details", json!({"subscribed": "", "first_name": "Jo"}), json!({"first_name": "Jo"})),
            ("customer_details", json!({"subscribed": 0}), json!({"subscribed": false})),
            ("identify", json!({"email": " A@x.com "}), json!({"email": "a@x.com"})),
            ("land", json!({}), json!({"current_url": "https://shop/page", "source_url": ""})),
            ("checkout", json!({"stage": 2, "more": true}), json!({"stage": "2"})),
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
            ("tag", json!({"tags": []}), "tags"),
            ("custom", json!({"name": " "}), "name"),
        ];
        for (kind, written, field) in table {
            assert_eq!(parse_json(kind, &written), Err(field), "{kind} {written}");
        }
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
