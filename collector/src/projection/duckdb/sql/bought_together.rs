//! The SQL of items that are frequently bought together with given items.

use crate::metrics::catalog::PRODUCT_TYPES;
use crate::metrics::query::Query;
use crate::metrics::rows::Scope;
use crate::projection::duckdb::sql::builder::{Bound, SqlBuilder, Statement, table};

/// The maximum number of items in the result of "bought together".
const MAX_ITEMS: u32 = 10;

pub(super) fn statement(query: &Query, scope: &Scope, items: &[String]) -> Statement {
    let mut builder = SqlBuilder::new(query, scope);
    let mut items = items.to_vec();
    items.sort_unstable();
    items.dedup();
    let filter = builder.documents(&["line_items"]);
    let element = builder.element("line_items", "line_items", &[]);
    let given = builder.bind_all(&items);
    let number = builder.bind(Bound::Integer(i64::try_from(items.len()).unwrap_or(i64::MAX)));
    let types: Vec<_> = PRODUCT_TYPES.iter().map(|&kind| kind.to_owned()).collect();
    let types = builder.bind_all(&types);
    let (records, lines) = (builder.records(), table(builder.record_kind(), Some("line_items")));
    let item = "line_items.\"line_items.item_id\"";
    let matching =
        format!("SELECT doc FROM {lines} line_items WHERE {item} IN ({given}) GROUP BY doc HAVING count(DISTINCT {item}) = {number}");
    // Few orders match. The engine cannot estimate how few, and would join all line items with all orders first.
    let text = format!(
        "WITH line_items AS MATERIALIZED (SELECT * FROM {lines} WHERE doc IN ({matching})) \
         SELECT {item} AS bought, CAST(count(DISTINCT d.doc) AS BIGINT) AS count, {}, {} \
         FROM {records} JOIN line_items ON line_items.doc = d.doc AND {element} \
         WHERE {filter} AND {item} NOT IN ({given}) AND line_items.\"line_items.item_type\" IN ({types}) \
         GROUP BY bought ORDER BY count DESC, bought LIMIT {MAX_ITEMS}",
        oldest("item_type"),
        oldest("name"),
    );
    builder.finish(text)
}

/// Returns the attribute of an item as the oldest order has it.
fn oldest(attribute: &str) -> String {
    let value = format!("line_items.\"line_items.{attribute}\"");
    let order = "ORDER BY d.\"order.created_at\" NULLS LAST, d.\"order.id\", line_items.item";
    format!("first({value} {order}) FILTER (WHERE {value} IS NOT NULL)")
}
