//! From what was written to what is stored: the parameters of one event, read by the table of [`kinds`](crate::kinds).
//!
//! Reading is lenient about form and strict about meaning: a number may stand for a string, an object for a list, but an event whose
//! required parameter cannot be read is refused by the name of that parameter. Reading what was once written gives it back unchanged.

use crate::kinds::{Field, Kind, Shape};
use crate::loose::{self, Loose};
use crate::{email, json, number};

/// Why an event means nothing: the parameter that is missing or cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The name of the parameter; of a type that needs one of several, the first of them.
    pub field: &'static str,
}

/// Returns the parameters of an event of type `kind` as a JSON object.
///
/// `page_url` is where the call was made; it stands in for an address that the call left out.
pub fn read(kind: &Kind, fields: &Loose, page_url: &str) -> Result<String, Fault> {
    let mut out = String::from("{");
    write_members(kind.fields, fields, page_url, &mut out)?;
    if kind.needs_one && out == "{" {
        return Err(Fault { field: kind.fields.first().map_or("", |field| field.name) });
    }
    out.push('}');
    Ok(out)
}

fn write_members(fields: &'static [Field], from: &Loose, page_url: &str, out: &mut String) -> Result<(), Fault> {
    for field in fields {
        let before = out.len();
        json::key(out, field.name);
        if !write_value(&field.shape, from.get(field.name), page_url, out) {
            out.truncate(before);
            if field.required {
                return Err(Fault { field: field.name });
            }
        }
    }
    Ok(())
}

/// Appends `value` as `shape`; returns false, with anything appended, where it cannot be read so.
fn write_value(shape: &Shape, value: &Loose, page_url: &str, out: &mut String) -> bool {
    match shape {
        Shape::Text => write_text(text(value), out),
        Shape::Words => write_string(text(value).unwrap_or_default(), out),
        Shape::PageUrl => write_text(text(value).or(Some(page_url)), out),
        Shape::Email => text(value).and_then(email::normalise).is_some_and(|email| write_string(&email, out)),
        Shape::Quantity => write_plain(Some(number::quantity(amount(value))), out),
        Shape::Money => write_plain(number::money(amount(value)), out),
        Shape::Flag => flag(value).is_some_and(|flag| write_plain(Some(String::from(if flag { "true" } else { "false" })), out)),
        Shape::Tags => write_tags(value, out),
        Shape::Any => write_any(value, out),
        Shape::Lines(fields) => write_lines(fields, value, page_url, out),
    }
}

fn write_text(text: Option<&str>, out: &mut String) -> bool {
    text.filter(|text| !text.is_empty()).is_some_and(|text| write_string(text, out))
}

fn write_string(text: &str, out: &mut String) -> bool {
    json::string(out, loose::cut(text));
    true
}

fn write_plain(text: Option<String>, out: &mut String) -> bool {
    text.is_some_and(|text| {
        out.push_str(&text);
        true
    })
}

fn write_any(value: &Loose, out: &mut String) -> bool {
    value.write(out);
    !value.is_nothing()
}

fn write_tags(value: &Loose, out: &mut String) -> bool {
    let single = [value];
    let elements = value.elements();
    let mut seen: Vec<&str> = Vec::new();
    out.push('[');
    for element in if elements.is_empty() { &single[..] } else { &elements } {
        let tag = text(element).unwrap_or_default();
        if !tag.is_empty() && !seen.iter().any(|other| other.eq_ignore_ascii_case(tag)) {
            json::separate(out);
            write_string(tag, out);
            seen.push(tag);
        }
    }
    out.push(']');
    !seen.is_empty()
}

fn write_lines(fields: &'static [Field], value: &Loose, page_url: &str, out: &mut String) -> bool {
    out.push('[');
    for line in value.elements() {
        let before = out.len();
        json::separate(out);
        out.push('{');
        if write_members(fields, line, page_url, out).is_ok() {
            out.push('}');
        } else {
            out.truncate(before);
        }
    }
    out.push(']');
    matches!(value, Loose::List(_) | Loose::Object(_))
}

/// Returns a string or a number as trimmed text. A flag is no text: servers print `false` for a value they do not have.
fn text(value: &Loose) -> Option<&str> {
    match value {
        Loose::Text(text) | Loose::Number(text) => Some(text.trim()),
        _ => None,
    }
}

fn amount(value: &Loose) -> &str {
    text(value).unwrap_or_default()
}

fn flag(value: &Loose) -> Option<bool> {
    const YES: &[&str] = &["true", "1", "yes", "on"];
    const NO: &[&str] = &["false", "0", "no", "off"];
    if let Loose::Flag(flag) = value {
        return Some(*flag);
    }
    let text = text(value)?;
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(YES) { Some(true) } else { is(NO).then_some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{self, KINDS};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn loose(value: &Value) -> Loose {
        match value {
            Value::Null => Loose::Nothing,
            Value::Bool(flag) => Loose::Flag(*flag),
            Value::Number(number) => Loose::Number(number.to_string()),
            Value::String(text) => Loose::Text(text.clone()),
            Value::Array(elements) => Loose::List(elements.iter().map(loose).collect()),
            Value::Object(members) => Loose::Object(members.iter().map(|(name, value)| (name.clone(), loose(value))).collect()),
        }
    }

    fn read_json(kind: &str, fields: &Value) -> Result<Value, &'static str> {
        let text = read(kinds::find(kind).unwrap(), &loose(fields), "https://shop/page").map_err(|fault| fault.field)?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn loose_becomes_strict() {
        let table = [
            ("product_view", json!({"product_id": 2}), json!({"product_id": "2"})),
            ("basket_add", json!({"product_id": "2", "quantity": "3"}), json!({"product_id": "2", "quantity": 3})),
            ("basket_add", json!({"product_id": 2, "quantity": -1}), json!({"product_id": "2", "quantity": 1})),
            ("basket_add", json!({"product_id": 2}), json!({"product_id": "2", "quantity": 1})),
            ("page_view", json!({"name": null}), json!({"url": "https://shop/page"})),
            ("page_view", json!({"url": "/a", "name": ""}), json!({"url": "/a"})),
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
            assert_eq!(read_json(kind, &written), Ok(stored), "{kind} {written}");
        }
    }

    #[test]
    fn what_carries_no_meaning_is_refused_by_name() {
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
            assert_eq!(read_json(kind, &written), Err(field), "{kind} {written}");
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
        fn reading_what_was_stored_changes_nothing(at in 0..KINDS.len(), values in prop::collection::vec(any_value(), 9)) {
            let kind = &KINDS[at];
            let fields: Value = kind.fields.iter().zip(values).map(|(field, value)| (field.name.to_owned(), value)).collect();
            if let Ok(once) = read_json(kind.name, &fields) {
                prop_assert_eq!(read_json(kind.name, &once), Ok(once));
            }
        }
    }
}
