//! How the fields of the backend API are parsed, each by the rule that its [table](super::tables) names.

use serde_json::{Map, Value};
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::params::currency_code;
use tillroll_protocol::receipt::Receipt;
use tillroll_protocol::{limits, number_text, price_text};

use super::tables::{OPTION, RecordField, Rule};
use crate::decode::rejection::RejectReason;
use crate::decode::{JsonValue, bad_field};
use crate::store::{merged_key, tag_field};
use crate::vendors::metrilo::lenient::{self, Unparsable};

/// Returns the fields of an object that have a value. `path` leads to the object; it is empty for the body itself.
pub(super) fn parse(
    fields: &[RecordField],
    path: &str,
    object: &JsonValue<'_>,
    receipt: &Receipt<'_>,
) -> Result<Vec<(String, Value)>, RejectReason> {
    let mut found = Vec::new();
    for field in fields {
        let path = if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) };
        let value = object.get(field.name);
        let before = found.len();
        field.rule.check_count(&path, value)?;
        match field.rule {
            Rule::Time => found.extend(time(&path, value, receipt)?.map(|time| (field.name.to_owned(), time))),
            Rule::Options => options(&path, value, receipt, &mut found)?,
            Rule::Currency => {
                field.parse(&path, value, object, &mut found)?;
                if let Some((_, Value::String(given))) = found.get_mut(before)
                    && let Some(code) = currency_code(given)
                {
                    *given = code;
                }
                let missing = Some(receipt.currency()).filter(|currency| found.len() == before && !currency.is_empty());
                found.extend(missing.map(|currency| (field.name.to_owned(), currency.into())));
            }
            _ => field.parse(&path, value, object, &mut found)?,
        }
        let is_given = found.len() > before || matches!(field.rule, Rule::Untags | Rule::Tags) && !value.is_null();
        if field.is_required && !is_given {
            return Err(bad_field(&path, field.rule.wanted(), value));
        }
    }
    Ok(found)
}

impl RecordField {
    fn parse(
        &self,
        path: &str,
        value: &JsonValue<'_>,
        object: &JsonValue<'_>,
        found: &mut Vec<(String, Value)>,
    ) -> Result<(), RejectReason> {
        let unparsable = |_| bad_field(path, self.rule.wanted(), value);
        let single = match &self.rule {
            Rule::Text | Rule::Currency => {
                lenient::text(value).map_err(unparsable)?.map(|text| check_length(path, text)).transpose()?.map(Value::from)
            }
            Rule::Email => lenient::email_address(value).map_err(unparsable)?.map(Value::from),
            Rule::Flag => lenient::flag(value).map_err(unparsable)?.map(Value::from),
            Rule::Money => money(value).map_err(|_| bad_field(path, wanted_amount(value), value))?,
            Rule::Price => price(path, value, object)?,
            Rule::Texts => {
                let texts = lenient::texts(value).map_err(unparsable)?;
                let checked = texts.map(|texts| texts.into_iter().map(|text| check_length(path, text)).collect::<Result<Vec<_>, _>>());
                checked.transpose()?.map(Value::from)
            }
            Rule::Lines => lines(path, value)?,
            Rule::Object(names) => lenient::object(value).map_err(unparsable)?.map(|object| texts_of(path, names, object)).transpose()?,
            Rule::Tags | Rule::Untags => {
                let is_added = matches!(self.rule, Rule::Tags);
                for tag in lenient::texts(value).map_err(unparsable)?.unwrap_or_default() {
                    let tag = check_length(path, tag)?;
                    found.extend(tag_field(&tag).map(|(key, tag)| (key, if is_added { tag.into() } else { Value::Null })));
                }
                None
            }
            Rule::Time | Rule::Options => None,
        };
        found.extend(single.map(|value| (self.name.to_owned(), value)));
        Ok(())
    }
}

impl Rule {
    fn wanted(&self) -> &'static str {
        match self {
            Self::Text | Self::Currency => "a string",
            Self::Email => "an e-mail address",
            Self::Time => "a time in milliseconds since 1970",
            Self::Money | Self::Price => "a number",
            Self::Flag => "true or false",
            Self::Texts | Self::Tags | Self::Untags => "a list of strings",
            Self::Options | Self::Lines => "a list of objects",
            Self::Object(_) => "an object",
        }
    }
}

/// The greatest number of options of a product.
const MAX_OPTIONS: usize = 2_500;

impl Rule {
    /// Rejects a list with too many elements.
    fn check_count(&self, path: &str, value: &JsonValue<'_>) -> Result<(), RejectReason> {
        let limit = match self {
            Self::Texts | Self::Tags | Self::Untags => limits::MAX_TAGS,
            Self::Lines => limits::MAX_LINES,
            Self::Options => MAX_OPTIONS,
            _ => return Ok(()),
        };
        let count = match value {
            DynValue::List(elements) => elements.len(),
            DynValue::Object(members) => members.len(),
            _ => 0,
        };
        if count > limit { Err(RejectReason::TooManyElements { field: path.into(), limit }) } else { Ok(()) }
    }
}

/// Rejects a text that is too long.
fn check_length(path: &str, text: String) -> Result<String, RejectReason> {
    if text.len() > limits::MAX_STRING_BYTES {
        Err(RejectReason::StringTooLong { field: path.into(), bytes: text.len() })
    } else {
        Ok(text)
    }
}

/// Returns a time in milliseconds, corrected. One before 1970, which an export may contain, counts as the first of 1970.
fn time(path: &str, value: &JsonValue<'_>, receipt: &Receipt<'_>) -> Result<Option<Value>, RejectReason> {
    if matches!(value, DynValue::Number(text) if text.parse().is_ok_and(|time: i64| time < 0)) {
        return Ok(Some(0.into()));
    }
    Ok(lenient::server_time_ms(path, value)?.map(|time| receipt.event_time(time).into()))
}

/// Returns an amount: from a number, a numeric string, or a price as shops print it.
fn money(value: &JsonValue<'_>) -> Result<Option<Value>, Unparsable> {
    let Some(text) = lenient::text(value)? else { return Ok(None) };
    price_text::parse_price(&text, "").and_then(|amount| serde_json::from_str(&amount).ok()).map(Some).ok_or(Unparsable)
}

/// Returns a price. An empty one is no value; one that is missing is an error unless there are options.
fn price(path: &str, value: &JsonValue<'_>, object: &JsonValue<'_>) -> Result<Option<Value>, RejectReason> {
    let DynValue::Object(members) = object else { return Ok(None) };
    let has_options = lenient::list(object.get("options")).ok().flatten().is_some_and(|options| !options.is_empty());
    if !has_options && !members.iter().any(|(name, _)| name == "price") {
        return Err(bad_field(path, "a number, or `options` be there", value));
    }
    money(value).map_err(|_| bad_field(path, wanted_amount(value), value))
}

/// Returns what an invalid amount should be: a number has no form that is not allowed, so it is beyond the bounds.
fn wanted_amount(value: &JsonValue<'_>) -> &'static str {
    match lenient::text(value) {
        Ok(Some(text)) if number_text::is_json_number(&text) => limits::AMOUNT_RANGE,
        _ => Rule::Money.wanted(),
    }
}

/// Adds each option's fields as separate fields, so that they merge. The id of an option may be the key of its object.
fn options(path: &str, value: &JsonValue<'_>, receipt: &Receipt<'_>, found: &mut Vec<(String, Value)>) -> Result<(), RejectReason> {
    let options = lenient::list(value).map_err(|_| bad_field(path, "a list of objects", value))?.unwrap_or_default();
    for (at, (key, option)) in options.into_iter().enumerate() {
        let path = format!("{path}[{at}]");
        let DynValue::Object(members) = option else { return Err(bad_field(&path, "an object", option)) };
        let mut members = members.clone();
        if let Some(key) = key.filter(|_| option.get("id").is_null()) {
            members.retain(|(name, _)| name != "id");
            members.push(("id".into(), DynValue::Text(key.into())));
        }
        let mut fields = parse(OPTION, &path, &DynValue::Object(members), receipt)?;
        let Some((_, Value::String(id))) = fields.first().cloned() else {
            return Err(bad_field(&format!("{path}.id"), "a string", option));
        };
        found.extend(fields.drain(1..).map(|(name, value)| (merged_key("options", &id, &name), value)));
    }
    Ok(())
}

/// Returns the lines of an order. Their ids become strings, and an invalid quantity becomes 1.
fn lines(path: &str, value: &JsonValue<'_>) -> Result<Option<Value>, RejectReason> {
    let Some(lines) = lenient::list(value).map_err(|_| bad_field(path, "a list of objects", value))? else { return Ok(None) };
    let line = |(at, (_, line)): (usize, (Option<&str>, &JsonValue<'_>))| {
        let path = format!("{path}[{at}]");
        if !matches!(line, DynValue::Object(_)) {
            return Err(bad_field(&path, "an object", line));
        }
        let field = format!("{path}.productId");
        let id = lenient::text(line.get("productId")).ok().flatten().ok_or_else(|| bad_field(&field, "a string", line.get("productId")))?;
        let quantity = lenient::text(line.get("quantity")).ok().flatten().unwrap_or_default();
        let quantity: Value = serde_json::from_str(&number_text::parse_quantity(&quantity)).unwrap_or_else(|_| 1.into());
        Ok(serde_json::json!({"productId": check_length(&field, id)?, "quantity": quantity}))
    };
    lines.into_iter().enumerate().map(line).collect::<Result<Vec<_>, _>>().map(|lines| Some(lines.into()))
}

fn texts_of(path: &str, names: &[&str], object: &JsonValue<'_>) -> Result<Value, RejectReason> {
    let mut found = Map::new();
    for name in names {
        let path = format!("{path}.{name}");
        let text = lenient::text(object.get(name)).map_err(|_| bad_field(&path, "a string", object.get(name)))?;
        if let Some(text) = text {
            found.insert((*name).to_owned(), check_length(&path, text)?.into());
        }
    }
    Ok(found.into())
}

#[cfg(test)]
mod tests {
    use super::super::tables::{CUSTOMER, ORDER, PRODUCT, TAG, UNTAG};
    use super::*;
    use crate::decode::JsonTree;
    use serde_json::json;

    fn fields(table: &[RecordField], value: Value) -> Result<Value, String> {
        let text = value.to_string();
        let JsonTree(object) = serde_json::from_str(&text).unwrap();
        let found = parse(table, "params", &object, &Receipt::of_server(1_600_000_000_000)).map_err(|reason| reason.to_string())?;
        Ok(found.into_iter().map(|(name, value)| (name.replace('\u{1f}', "/"), value)).collect::<Map<_, _>>().into())
    }

    #[test]
    fn options_may_be_an_object_keyed_by_id() {
        let read = fields(PRODUCT, json!({"id": 1, "name": "n", "options": {"7": {"price": "3.50"}}}));
        assert_eq!(read, Err("`params.options[0].name` must be a string, found nothing".into()));
        let read = fields(
            PRODUCT,
            json!({"id": 1, "name": "n", "options": {"7": {"name": "S", "price": "3.50"}, "8": {"id": 9, "name": "M", "price": ""}}}),
        );
        assert_eq!(read, Ok(json!({"id": "1", "name": "n", "options/7/name": "S", "options/7/price": 3.5, "options/9/name": "M"})));
    }

    #[test]
    fn price_may_be_a_numeric_string_or_empty() {
        let product = |price: Value| fields(PRODUCT, json!({"id": "1", "name": "n", "sku": false, "url": "", "price": price}));
        assert_eq!(product(json!("10.42")), Ok(json!({"id": "1", "name": "n", "price": 10.42})));
        assert_eq!(product(json!("")), Ok(json!({"id": "1", "name": "n"})));
        assert_eq!(product(json!("free")), Err("`params.price` must be a number, found a string".into()));
        for amount in [json!(9.21e12), json!(-1e13), json!("9300000000000.00"), json!(1e308)] {
            assert!(product(amount).unwrap_err().starts_with("`params.price` must be a number from -9.2e12 to 9.2e12, found a "));
        }
        let without = fields(PRODUCT, json!({"id": "1", "name": "n"}));
        assert_eq!(without, Err("`params.price` must be a number, or `options` be there, found nothing".into()));
    }

    #[test]
    fn billing_may_be_an_empty_list_or_have_undocumented_members() {
        let order = |billing: Value| {
            fields(
                ORDER,
                json!({"id": "000000123", "createdAt": "1518004715", "amount": "10.42", "status": "платено", "products": [], "billing": billing}),
            )
        };
        let plain = json!({"id": "000000123", "createdAt": 1_518_004_715_000_u64, "amount": 10.42, "status": "платено", "products": []});
        assert_eq!(order(json!([])), Ok(plain));
        let billed = order(json!({"firstName": "Jo", "postcode": 1000, "city": "", "vat": "x"})).unwrap();
        assert_eq!(billed["billing"], json!({"firstName": "Jo", "postcode": "1000"}));
    }

    #[test]
    fn lines_may_be_an_object_with_quantities_as_strings() {
        let order = |products: Value| fields(ORDER, json!({"id": 1, "createdAt": 1, "amount": 1, "status": "x", "products": products}));
        let read = order(json!({"3": {"productId": 2, "quantity": "2"}, "5": {"productId": "4"}})).unwrap();
        assert_eq!(read["products"], json!([{"productId": "2", "quantity": 2}, {"productId": "4", "quantity": 1}]));
        assert_eq!(order(json!([{"quantity": 1}])), Err("`params.products[0].productId` must be a string, found nothing".into()));
        assert_eq!(order(json!("")), Err("`params.products` must be a list of objects, found an empty string".into()));
    }

    #[test]
    fn email_of_a_phone_order_is_accepted() {
        let read = fields(CUSTOMER, json!({"email": "+359888123@phone_email", "createdAt": 1, "subscribed": "", "firstName": null}));
        assert_eq!(read, Ok(json!({"email": "+359888123@phone_email", "createdAt": 1000})));
        let junk = fields(CUSTOMER, json!({"email": "no address", "createdAt": 1}));
        assert_eq!(junk, Err("`params.email` must be an e-mail address, found a string".into()));
    }

    #[test]
    fn tags_are_added_and_removed_one_by_one() {
        let read = |table, tags: Value| fields(table, json!({"email": "a@x.com", "tags": tags}));
        assert_eq!(read(TAG, json!({"1": "VIP", "4": "vip"})), Ok(json!({"email": "a@x.com", "tags/vip/": "VIP"})));
        assert_eq!(read(UNTAG, json!(["VIP"])), Ok(json!({"email": "a@x.com", "tags/vip/": null})));
        assert_eq!(read(TAG, json!(null)), Err("`params.tags` must be a list of strings, found nothing".into()));
    }
}
