//! The rows of identity links, customers and products, and of the keys under which they are replaced.

use serde_json::{Map, Value};

use crate::projection::rows::{ColumnValue, SEPARATOR, text};
use crate::projection::source::TrackedChanges;

/// Returns the rows of identity links: project, visitor, since, until, email.
pub(in crate::projection) fn links(tracked: &TrackedChanges) -> Vec<Vec<ColumnValue>> {
    let row = |link: &crate::projection::source::IdentityLink| {
        vec![
            ColumnValue::Integer(link.project),
            text(Some(&link.visitor)),
            ColumnValue::Time(link.since),
            ColumnValue::Time(link.until),
            text(Some(&link.email)),
        ]
    };
    tracked.links.iter().map(row).collect()
}

/// Returns the rows of customers: project, email, first name, last name, subscribed, tags, date of creation.
pub(in crate::projection) fn people(tracked: &TrackedChanges) -> Vec<Vec<ColumnValue>> {
    let row = |(project, email, fields): &(i64, String, Map<String, Value>)| {
        let tags = fields.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let tags: Vec<_> = tags.map(|tag| tag.replace(['\0', SEPARATOR], "")).collect();
        let tags = if tags.iter().all(String::is_empty) && tags.len() < 2 { ColumnValue::Null } else { ColumnValue::Texts(tags) };
        let created_at = fields.get("createdAt").and_then(Value::as_i64).map_or(ColumnValue::Null, ColumnValue::Time);
        let subscribed = fields.get("subscribed").and_then(Value::as_bool).map_or(ColumnValue::Null, ColumnValue::Bool);
        let (first_name, last_name) = (field(fields, "firstName"), field(fields, "lastName"));
        vec![ColumnValue::Integer(*project), text(Some(email)), first_name, last_name, subscribed, tags, created_at]
    };
    tracked.customers.iter().map(row).collect()
}

/// Returns the rows of products: project, id, name, category.
pub(in crate::projection) fn products(tracked: &TrackedChanges) -> Vec<Vec<ColumnValue>> {
    let row = |(project, id, fields): &(i64, String, Map<String, Value>)| {
        let categories = fields.get("categories").and_then(Value::as_array);
        let category = categories.and_then(|list| list.first()).and_then(Value::as_str);
        vec![ColumnValue::Integer(*project), text(Some(id)), field(fields, "name"), text(category)]
    };
    tracked.products.iter().map(row).collect()
}

/// Returns rows of a project and the key of a visitor, customer or product.
pub(in crate::projection) fn keys<'a>(keys: impl IntoIterator<Item = (i64, &'a str)>) -> Vec<Vec<ColumnValue>> {
    keys.into_iter().map(|(project, key)| vec![ColumnValue::Integer(project), text(Some(key))]).collect()
}

/// Returns rows of a project and the key of a record, unchanged.
pub(in crate::projection) fn record_keys<'a>(keys: impl IntoIterator<Item = (i64, &'a str)>) -> Vec<Vec<ColumnValue>> {
    keys.into_iter().map(|(project, key)| vec![ColumnValue::Integer(project), ColumnValue::Text(key.into())]).collect()
}

fn field(fields: &Map<String, Value>, name: &str) -> ColumnValue {
    text(fields.get(name).and_then(Value::as_str))
}
