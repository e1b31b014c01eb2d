//! The fields of the backend API as tables, and how each is read.

use serde_json::{Map, Value};
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::{limits, number_text};

use crate::ingest::decode::{RejectReason, bad};
use crate::store::merged_key as part;
use crate::vendors::metrilo::lenient::{self, Unparsable};

/// A field of a record.
#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    rule: Rule,
    required: bool,
}

/// How a field is read.
#[derive(Debug)]
pub(super) enum Rule {
    Text,
    Email,
    Moment,
    Money,
    Flag,
    /// Texts that override those known before.
    Texts,
    /// Tags that are added to those known before.
    Tags,
    /// Tags that are taken from those known before.
    Untags,
    /// A price, which may be left out where there are options, and may be empty everywhere.
    Price,
    /// Variants of a product, merged with those known before.
    Options,
    /// The lines of an order.
    Lines,
    /// An object of texts, of which these are known.
    Object(&'static [&'static str]),
}

const fn must(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: true }
}

const fn may(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: false }
}

pub(super) const CUSTOMER: &[Field] = &[
    must("email", Rule::Email),
    must("createdAt", Rule::Moment),
    may("firstName", Rule::Text),
    may("lastName", Rule::Text),
    may("subscribed", Rule::Flag),
    may("tags", Rule::Tags),
];

pub(super) const TAG: &[Field] = &[must("email", Rule::Email), must("tags", Rule::Tags)];

pub(super) const UNTAG: &[Field] = &[must("email", Rule::Email), must("tags", Rule::Untags)];

pub(super) const CATEGORY: &[Field] = &[must("id", Rule::Text), must("name", Rule::Text), may("url", Rule::Text)];

pub(super) const PRODUCT: &[Field] = &[
    must("id", Rule::Text),
    must("name", Rule::Text),
    may("categories", Rule::Texts),
    may("sku", Rule::Text),
    may("url", Rule::Text),
    may("imageUrl", Rule::Text),
    may("options", Rule::Options),
    may("price", Rule::Price),
];

const OPTION: &[Field] =
    &[must("id", Rule::Text), must("name", Rule::Text), may("price", Rule::Money), may("sku", Rule::Text), may("imageUrl", Rule::Text)];

pub(super) const ORDER: &[Field] = &[
    must("id", Rule::Text),
    must("createdAt", Rule::Moment),
    must("amount", Rule::Money),
    must("status", Rule::Text),
    must("products", Rule::Lines),
    may("email", Rule::Email),
    may("coupons", Rule::Texts),
    may("billing", Rule::Object(BILLING)),
    may("ipAddress", Rule::Text),
];

const BILLING: &[&str] = &["address", "city", "countryCode", "phone", "postcode", "paymentMethod", "region", "firstName", "lastName"];

pub(super) const LISTED_CUSTOMER: &[Field] = &[
    must("email", Rule::Email),
    may("createdAt", Rule::Moment),
    may("firstName", Rule::Text),
    may("lastName", Rule::Text),
    may("phoneNumber", Rule::Text),
    may("subscribed", Rule::Flag),
    may("tags", Rule::Tags),
];

pub(super) const LISTED_CATEGORY: &[Field] = &[must("id", Rule::Text), may("name", Rule::Text), may("url", Rule::Text)];

pub(super) const LISTED_PRODUCT: &[Field] = &[
    must("id", Rule::Text),
    may("name", Rule::Text),
    may("categories", Rule::Texts),
    may("sku", Rule::Text),
    may("url", Rule::Text),
    may("imageUrl", Rule::Text),
    may("options", Rule::Options),
    may("price", Rule::Money),
];

pub(super) const LISTED_ORDER: &[Field] = &[
    must("id", Rule::Text),
    may("createdAt", Rule::Moment),
    may("amount", Rule::Money),
    may("status", Rule::Text),
    may("products", Rule::Lines),
    may("email", Rule::Email),
    may("coupons", Rule::Texts),
    may("billing", Rule::Object(BILLING)),
    may("ipAddress", Rule::Text),
    may("currency", Rule::Text),
    may("tax", Rule::Money),
    may("shipping", Rule::Money),
];

/// Returns the fields of an object that were really said.
pub(super) fn read(fields: &[Field], path: &str, object: &DynValue) -> Result<Vec<(String, Value)>, RejectReason> {
    let mut found = Vec::new();
    for field in fields {
        let path = format!("{path}.{}", field.name);
        let value = object.get(field.name);
        let before = found.len();
        field.read(&path, value, object, &mut found)?;
        let said = found.len() > before || matches!(field.rule, Rule::Untags | Rule::Tags) && !value.is_null();
        if field.required && !said {
            return Err(bad(&path, field.rule.wanted(), value));
        }
    }
    Ok(found)
}

impl Field {
    fn read(&self, path: &str, value: &DynValue, object: &DynValue, found: &mut Vec<(String, Value)>) -> Result<(), RejectReason> {
        let odd = |_| bad(path, self.rule.wanted(), value);
        let single = match &self.rule {
            Rule::Text => lenient::text(value).map_err(odd)?.map(|text| fitting(path, text)).transpose()?.map(Value::from),
            Rule::Email => lenient::address(value).map_err(odd)?.map(Value::from),
            Rule::Moment => lenient::moment(value).map_err(odd)?.map(Value::from),
            Rule::Flag => lenient::flag(value).map_err(odd)?.map(Value::from),
            Rule::Money => money(value).map_err(odd)?,
            Rule::Price => price(path, value, object)?,
            Rule::Texts => lenient::texts(value).map_err(odd)?.map(Value::from),
            Rule::Lines => lines(path, value)?,
            Rule::Object(names) => lenient::object(value).map_err(odd)?.map(|object| texts_of(path, names, object)).transpose()?,
            Rule::Tags | Rule::Untags => {
                let keep = matches!(self.rule, Rule::Tags);
                for tag in lenient::texts(value).map_err(odd)?.unwrap_or_default() {
                    let tag = fitting(path, tag)?;
                    found.push((part("tags", &tag.to_lowercase(), ""), if keep { tag.into() } else { Value::Null }));
                }
                None
            }
            Rule::Options => return options(path, value, found),
        };
        found.extend(single.map(|value| (self.name.to_owned(), value)));
        Ok(())
    }
}

impl Rule {
    fn wanted(&self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Email => "an e-mail address",
            Self::Moment => "a time in milliseconds since 1970",
            Self::Money | Self::Price => "a number",
            Self::Flag => "true or false",
            Self::Texts | Self::Tags | Self::Untags => "a list of strings",
            Self::Options | Self::Lines => "a list of objects",
            Self::Object(_) => "an object",
        }
    }
}

/// Refuses a text that is too long.
fn fitting(path: &str, text: String) -> Result<String, RejectReason> {
    if text.len() > limits::MAX_STRING_BYTES {
        Err(RejectReason::StringTooLong { field: path.into(), bytes: text.len() })
    } else {
        Ok(text)
    }
}

/// An amount as a number, a numeric string, or as shops print it.
fn money(value: &DynValue) -> Result<Option<Value>, Unparsable> {
    let Some(text) = lenient::text(value)? else { return Ok(None) };
    number_text::parse_money(&text).and_then(|amount| serde_json::from_str(&amount).ok()).map(Some).ok_or(Unparsable)
}

/// A price that is said to be empty says nothing. One that is not there at all must be made up for by options.
fn price(path: &str, value: &DynValue, object: &DynValue) -> Result<Option<Value>, RejectReason> {
    let DynValue::Object(members) = object else { return Ok(None) };
    let has_options = lenient::list(object.get("options")).ok().flatten().is_some_and(|options| !options.is_empty());
    if !has_options && !members.iter().any(|(name, _)| name == "price") {
        return Err(bad(path, "a number, or `options` be there", value));
    }
    money(value).map_err(|_| bad(path, "a number", value))
}

/// Each option's fields are fields of their own, so that they merge. An option that was printed under its id has it from there.
fn options(path: &str, value: &DynValue, found: &mut Vec<(String, Value)>) -> Result<(), RejectReason> {
    let options = lenient::list(value).map_err(|_| bad(path, "a list of objects", value))?.unwrap_or_default();
    for (at, (key, option)) in options.into_iter().enumerate() {
        let path = format!("{path}[{at}]");
        let DynValue::Object(members) = option else { return Err(bad(&path, "an object", option)) };
        let mut members = members.clone();
        if let Some(key) = key.filter(|_| option.get("id").is_null()) {
            members.retain(|(name, _)| name != "id");
            members.push(("id".into(), DynValue::Text(key.into())));
        }
        let mut fields = read(OPTION, &path, &DynValue::Object(members))?;
        let Some((_, Value::String(id))) = fields.first().cloned() else { return Err(bad(&format!("{path}.id"), "a string", option)) };
        found.extend(fields.drain(1..).map(|(name, value)| (part("options", &id, &name), value)));
    }
    Ok(())
}

/// Ids of lines are strings, and a quantity that is none is 1.
fn lines(path: &str, value: &DynValue) -> Result<Option<Value>, RejectReason> {
    let Some(lines) = lenient::list(value).map_err(|_| bad(path, "a list of objects", value))? else { return Ok(None) };
    let line = |(at, (_, line)): (usize, (Option<&str>, &DynValue))| {
        let path = format!("{path}[{at}]");
        if !matches!(line, DynValue::Object(_)) {
            return Err(bad(&path, "an object", line));
        }
        let field = format!("{path}.productId");
        let id = lenient::text(line.get("productId")).ok().flatten().ok_or_else(|| bad(&field, "a string", line.get("productId")))?;
        let quantity = lenient::text(line.get("quantity")).ok().flatten().unwrap_or_default();
        let quantity: Value = serde_json::from_str(&number_text::parse_quantity(&quantity)).unwrap_or_else(|_| 1.into());
        Ok(serde_json::json!({"productId": fitting(&field, id)?, "quantity": quantity}))
    };
    lines.into_iter().enumerate().map(line).collect::<Result<Vec<_>, _>>().map(|lines| Some(lines.into()))
}

fn texts_of(path: &str, names: &[&str], object: &DynValue) -> Result<Value, RejectReason> {
    let mut found = Map::new();
    for name in names {
        let path = format!("{path}.{name}");
        let text = lenient::text(object.get(name)).map_err(|_| bad(&path, "a string", object.get(name)))?;
        if let Some(text) = text {
            found.insert((*name).to_owned(), fitting(&path, text)?.into());
        }
    }
    Ok(found.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::decode::JsonTree;
    use serde_json::json;

    fn fields(table: &[Field], value: Value) -> Result<Value, String> {
        let JsonTree(loose) = serde_json::from_str(&value.to_string()).unwrap();
        let found = read(table, "params", &loose).map_err(|reason| reason.to_string())?;
        Ok(found.into_iter().map(|(name, value)| (name.replace('\u{1f}', "/"), value)).collect::<Map<_, _>>().into())
    }

    #[test]
    fn options_are_an_object_keyed_by_id() {
        let read = fields(PRODUCT, json!({"id": 1, "name": "n", "options": {"7": {"price": "3.50"}}}));
        assert_eq!(read, Err("`params.options[0].name` must be a string, found nothing".into()));
        let read = fields(
            PRODUCT,
            json!({"id": 1, "name": "n", "options": {"7": {"name": "S", "price": "3.50"}, "8": {"id": 9, "name": "M", "price": ""}}}),
        );
        assert_eq!(read, Ok(json!({"id": "1", "name": "n", "options/7/name": "S", "options/7/price": 3.5, "options/9/name": "M"})));
    }

    #[test]
    fn a_price_is_a_numeric_string_or_empty() {
        let product = |price: Value| fields(PRODUCT, json!({"id": "1", "name": "n", "sku": false, "url": "", "price": price}));
        assert_eq!(product(json!("10.42")), Ok(json!({"id": "1", "name": "n", "price": 10.42})));
        assert_eq!(product(json!("")), Ok(json!({"id": "1", "name": "n"})));
        assert_eq!(product(json!("free")), Err("`params.price` must be a number, found a string".into()));
        let without = fields(PRODUCT, json!({"id": "1", "name": "n"}));
        assert_eq!(without, Err("`params.price` must be a number, or `options` be there, found nothing".into()));
    }

    #[test]
    fn billing_is_an_empty_list_or_holds_more_than_is_documented() {
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
    fn lines_are_an_object_and_their_quantities_strings() {
        let order = |products: Value| fields(ORDER, json!({"id": 1, "createdAt": 1, "amount": 1, "status": "x", "products": products}));
        let read = order(json!({"3": {"productId": 2, "quantity": "2"}, "5": {"productId": "4"}})).unwrap();
        assert_eq!(read["products"], json!([{"productId": "2", "quantity": 2}, {"productId": "4", "quantity": 1}]));
        assert_eq!(order(json!([{"quantity": 1}])), Err("`params.products[0].productId` must be a string, found nothing".into()));
        assert_eq!(order(json!("")), Err("`params.products` must be a list of objects, found an empty string".into()));
    }

    #[test]
    fn an_email_of_a_phone_order_is_an_email() {
        let read = fields(CUSTOMER, json!({"email": "+359888123@phone_email", "createdAt": 1, "subscribed": "", "firstName": null}));
        assert_eq!(read, Ok(json!({"email": "+359888123@phone_email", "createdAt": 1000})));
        let junk = fields(CUSTOMER, json!({"email": "nobody", "createdAt": 1}));
        assert_eq!(junk, Err("`params.email` must be an e-mail address, found a string".into()));
    }

    #[test]
    fn tags_are_added_and_taken_one_by_one() {
        let read = |table, tags: Value| fields(table, json!({"email": "a@x.com", "tags": tags}));
        assert_eq!(read(TAG, json!({"1": "VIP", "4": "vip"})), Ok(json!({"email": "a@x.com", "tags/vip/": "VIP"})));
        assert_eq!(read(UNTAG, json!(["VIP"])), Ok(json!({"email": "a@x.com", "tags/vip/": null})));
        assert_eq!(read(TAG, json!(null)), Err("`params.tags` must be a list of strings, found nothing".into()));
    }
}
