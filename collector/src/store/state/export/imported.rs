//! Imported orders, carts and returns in the export, after the rows of the state.
//!
//! Carts and returns are imported in the form of the export. An order is converted to the fields of the back end's API.

use rusqlite::{Connection, Row, params};
use serde_json::{Map, Value};

use crate::resource::{OrderSource, Resource};
use crate::store::packed_json::PackedJson;
use crate::store::state::imported_order::OWN_STANDS;
use crate::time;

/// The attributes of a billing address: the names of the back end's API and those of an imported order.
const BILLING: &[(&str, &str)] = &[
    ("city", "city"),
    ("countryCode", "country_code"),
    ("region", "state_code"),
    ("postcode", "zip_code"),
    ("firstName", "first_name"),
    ("lastName", "last_name"),
];

/// The attributes of an order, likewise.
const ORDER: &[(&str, &str)] = &[
    ("amount", "total_amount_with_taxes"),
    ("status", "status"),
    ("source", "source"),
    ("currency", "currency_code"),
    ("tax", "total_tax_amount"),
    ("shipping", "shipping_amount"),
];

/// Returns records with ids after `after`, each with its id.
pub(super) fn page(
    connection: &Connection,
    project: i64,
    resource: Resource,
    after: &str,
    limit: usize,
) -> rusqlite::Result<Vec<(String, Map<String, Value>)>> {
    let of_orders = |kind| {
        format!(
            "resource = 'orders' AND {kind} AND NOT EXISTS (
             SELECT 1 FROM customer_order WHERE customer_order.project = ?1 AND customer_order.id = imported_record.id AND {OWN_STANDS})"
        )
    };
    let condition = match resource {
        Resource::Orders => of_orders("NOT is_cart"),
        Resource::Carts => of_orders("is_cart"),
        Resource::Returns => "resource = 'returns'".to_owned(),
        Resource::Events | Resource::Customers | Resource::Categories | Resource::Products => return Ok(Vec::new()),
    };
    let query = format!(
        "SELECT id, document FROM imported_record
         WHERE project = ?1 AND id > ?2 AND document <> x'' AND {condition} ORDER BY id LIMIT ?3"
    );
    let record = |row: &Row<'_>| Ok((row.get(0)?, serde_json::from_str(&row.get::<_, PackedJson>(1)?.0).unwrap_or_default()));
    let mut statement = connection.prepare_cached(&query)?;
    let rows = statement.query_map(params![project, after, i64::try_from(limit).unwrap_or(i64::MAX)], record)?;
    rows.map(|row| row.map(|(id, record)| (id, document(resource, record)))).collect()
}

/// Returns an imported record as it is exported.
pub(super) fn document(resource: Resource, record: Map<String, Value>) -> Map<String, Value> {
    if resource == Resource::Orders { order(&record) } else { with_integers(record) }
}

fn order(record: &Map<String, Value>) -> Map<String, Value> {
    let mut out = renamed(record, ORDER);
    out.entry("source").or_insert_with(|| OrderSource::Import.name().into());
    out.extend(record.get("id").map(|id| ("id".to_owned(), id.clone())));
    let created = record.get("created_at").or(record.get("placed_at")).and_then(|time| time::parse_rfc3339(time.as_str()?));
    out.extend(created.map(|created| ("createdAt".to_owned(), created.millis.into())));
    out.extend(record.get("customer").and_then(|customer| Some(("email".to_owned(), customer.get("email")?.clone()))));
    out.extend(record.get("coupon_code").map(|code| ("coupons".to_owned(), vec![code.clone()].into())));
    let mut billing = record.get("billing_address").and_then(Value::as_object).map(|address| renamed(address, BILLING)).unwrap_or_default();
    billing.extend(record.get("payment_method").and_then(|method| Some(("paymentMethod".to_owned(), method.get("name")?.clone()))));
    if !billing.is_empty() {
        out.insert("billing".into(), billing.into());
    }
    let lines = record.get("line_items").and_then(Value::as_array).into_iter().flatten();
    let lines = lines.filter_map(|line| {
        let id = line.get("item_id").or(line.get("code"))?;
        Some(serde_json::json!({"productId": id, "quantity": line.get("quantity").unwrap_or(&Value::from(1))}))
    });
    out.insert("products".into(), lines.collect::<Vec<_>>().into());
    with_integers(out)
}

fn renamed(from: &Map<String, Value>, names: &[(&str, &str)]) -> Map<String, Value> {
    names.iter().filter_map(|(name, imported)| Some(((*name).to_owned(), from.get(*imported)?.clone()))).collect()
}

/// Converts whole amounts to integers, as in the rows of the state.
fn with_integers(mut object: Map<String, Value>) -> Map<String, Value> {
    object.values_mut().for_each(to_integer);
    object
}

fn to_integer(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e15) {
                *value = Value::from(whole as i64);
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(to_integer),
        Value::Object(members) => members.values_mut().for_each(to_integer),
        _ => {}
    }
}
