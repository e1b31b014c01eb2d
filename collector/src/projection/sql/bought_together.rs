//! The SQL of items that are frequently bought together with given items.

use crate::metrics::catalog::PRODUCT_TYPES;
use crate::projection::sql::builder::{Plan, SqlBuilder};
use crate::projection::sql::dialect::Dialect;
use crate::projection::sql::relations::nulls_last;
use crate::projection::sql::statement::{Bound, Statement};

/// The maximum number of items in the result of "bought together".
const MAX_ITEMS: u32 = 10;

pub(super) fn statement(plan: Plan<'_>, items: &[String]) -> Statement {
    let mut builder = SqlBuilder::new(plan);
    let mut items = items.to_vec();
    items.sort_unstable();
    items.dedup();
    let filter = builder.documents(&["line_items"]);
    let element = builder.element("line_items", "line_items", &[]).unwrap_or("TRUE".into());
    let given = builder.bind_all(&items);
    let number = builder.bind(Bound::Integer(i64::try_from(items.len()).unwrap_or(i64::MAX)));
    let types: Vec<_> = PRODUCT_TYPES.iter().map(|&kind| kind.to_owned()).collect();
    let types = builder.bind_all(&types);
    let (records, lines) = (builder.records(), builder.table(Some("line_items")));
    let item = "line_items.line_items__item_id";
    let matching =
        format!("SELECT doc FROM {lines} line_items WHERE {item} IN ({given}) GROUP BY doc HAVING count(DISTINCT {item}) = {number}");
    // Few orders match. The engine cannot estimate how few, and would join all line items with all orders first.
    let text = format!(
        "WITH lines AS {}(SELECT * FROM {lines} x WHERE doc IN ({matching})) \
         SELECT {item} AS bought, CAST(count(DISTINCT d.doc) AS BIGINT) AS orders, {} AS item_type, {} AS name \
         FROM {records} JOIN lines line_items ON line_items.doc = d.doc \
         WHERE {filter} AND {element} AND {item} NOT IN ({given}) AND line_items.line_items__item_type IN ({types}) \
         GROUP BY bought ORDER BY orders DESC, bought LIMIT {MAX_ITEMS}",
        plan.dialect.materialized(),
        oldest(plan.dialect, "item_type"),
        oldest(plan.dialect, "name"),
    );
    builder.finish(text)
}

/// Returns the attribute of an item as the oldest order has it.
fn oldest(dialect: &dyn Dialect, attribute: &str) -> String {
    let [is_missing, created_at] = nulls_last(dialect, "d.order__created_at");
    dialect.first_by(&format!("line_items.line_items__{attribute}"), &[&is_missing, &created_at, "d.order__id", "line_items.item"])
}
