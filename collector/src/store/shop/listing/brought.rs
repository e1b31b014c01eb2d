//! Imported orders, carts and returns as their lists print them, behind the shop's own.
//!
//! Carts and returns were imported in the shape of their lists. An order is turned into the back end's words, as far as it has them.

use rusqlite::{Connection, Row, params};
use serde_json::{Map, Value};

use super::List;
use crate::metrics::catalog::CART_STATUSES;
use crate::time;

/// An address of an order: the back end's names and those of a search.
const BILLING: &[(&str, &str)] = &[
    ("city", "city"),
    ("countryCode", "country_code"),
    ("region", "state_code"),
    ("postcode", "zip_code"),
    ("firstName", "first_name"),
    ("lastName", "last_name"),
];

/// The rest of an order.
const ORDER: &[(&str, &str)] = &[
    ("amount", "total_amount_with_taxes"),
    ("status", "status"),
    ("currency", "currency_code"),
    ("tax", "total_tax_amount"),
    ("shipping", "shipping_amount"),
];

/// Returns records with ids behind `after`, each with its id.
pub(super) fn page(
    connection: &Connection,
    project: i64,
    list: List,
    after: &str,
    limit: usize,
) -> rusqlite::Result<Vec<(String, Map<String, Value>)>> {
    let status = "CASE json WHEN '' THEN '' ELSE coalesce(json_extract(json, '$.status'), '') END";
    let carts = CART_STATUSES.iter().map(|status| format!("'{status}'")).collect::<Vec<_>>().join(", ");
    let (family, kind) = match list {
        List::Orders => {
            ("orders", format!("{status} NOT IN ({carts}) AND NOT EXISTS (SELECT 1 FROM placed WHERE project = ?1 AND id = imported.id)"))
        }
        List::Carts => ("orders", format!("{status} IN ({carts})")),
        List::Returns => ("returns", "TRUE".to_owned()),
        List::Customers | List::Categories | List::Products => return Ok(Vec::new()),
    };
    let query = format!(
        "SELECT id, json FROM imported WHERE project = ?1 AND family = '{family}' AND id > ?2 AND json <> '' AND {kind} ORDER BY id LIMIT ?3"
    );
    let record = |row: &Row<'_>| Ok((row.get(0)?, serde_json::from_str(row.get_ref(1)?.as_str()?).unwrap_or_default()));
    let mut statement = connection.prepare_cached(&query)?;
    let rows = statement.query_map(params![project, after, i64::try_from(limit).unwrap_or(i64::MAX)], record)?;
    rows.map(|row| row.map(|(id, record)| (id, if list == List::Orders { order(&record) } else { plainly(record) }))).collect()
}

fn order(record: &Map<String, Value>) -> Map<String, Value> {
    let mut out = renamed(record, ORDER);
    out.extend(record.get("id").map(|id| ("id".to_owned(), id.clone())));
    let made = record.get("created_at").or(record.get("placed_at")).and_then(|time| time::parse_rfc3339(time.as_str()?));
    out.extend(made.map(|made| ("createdAt".to_owned(), made.millis.into())));
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
    plainly(out)
}

fn renamed(from: &Map<String, Value>, names: &[(&str, &str)]) -> Map<String, Value> {
    names.iter().filter_map(|(ours, theirs)| Some(((*ours).to_owned(), from.get(*theirs)?.clone()))).collect()
}

/// Whole amounts are printed as whole numbers, as those of the shop's own records are.
fn plainly(mut object: Map<String, Value>) -> Map<String, Value> {
    object.values_mut().for_each(plain);
    object
}

fn plain(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e15) {
                *value = Value::from(whole as i64);
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(plain),
        Value::Object(members) => members.values_mut().for_each(plain),
        _ => {}
    }
}
