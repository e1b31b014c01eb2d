//! The SQL of searches, and of products that are frequently bought together.

use crate::metrics::catalog::PRODUCT_TYPES;
use crate::metrics::query::{Query, Search, Sort};
use crate::metrics::rows::Scope;
use crate::projection::duckdb::sql::builder::{Bound, SqlBuilder, Statement, column, table};

/// The maximum number of items in the result of "bought together".
const MAX_ITEMS: u32 = 10;

pub(super) fn statements(query: &Query, scope: &Scope, search: &Search) -> Vec<Statement> {
    let mut builder = SqlBuilder::new(query, scope);
    let filter = builder.documents(&[]);
    let documents = table(builder.record_kind(), None);
    let count = builder.finish(format!("SELECT count(*) FROM {documents} d WHERE {filter}"));
    vec![count, page(query, scope, search)]
}

/// Reads one record more than the page has, to detect whether there is a next page.
fn page(query: &Query, scope: &Scope, search: &Search) -> Statement {
    let mut builder = SqlBuilder::new(query, scope);
    let mut filter = builder.documents(&[]);
    let date = column("d", search.sort_by);
    let id = format!("d.\"{}.id\"", query.resource.main);
    let (direction, beyond) = if search.sort == Sort::Ascending { ("ASC", ">") } else { ("DESC", "<") };
    if let Some(after) = &search.after {
        let last = builder.bind(Bound::Text(after.id.clone()));
        filter += &match after.date {
            Some(at) => {
                let at = builder.bind(Bound::Timestamp(at));
                format!(" AND ({date} {beyond} {at} OR ({date} = {at} AND {id} > {last}) OR {date} IS NULL)")
            }
            None => format!(" AND {date} IS NULL AND {id} > {last}"),
        };
    }
    let limit = builder.bind(Bound::Integer(i64::from(search.limit) + 1));
    let documents = table(builder.record_kind(), None);
    // Records are long: the engine reads the JSON of this page only.
    let columns = format!("d.json, CAST(epoch_ms({date}) AS BIGINT), {id}");
    let text = format!("SELECT {columns} FROM {documents} d WHERE {filter} ORDER BY {date} {direction} NULLS LAST, {id} LIMIT {limit}");
    builder.finish(text)
}

pub(super) fn bought_together(query: &Query, scope: &Scope, items: &[String]) -> Statement {
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
    let (documents, lines) = (table(builder.record_kind(), None), table(builder.record_kind(), Some("line_items")));
    let item = "line_items.\"line_items.item_id\"";
    let matching =
        format!("SELECT doc FROM {lines} line_items WHERE {item} IN ({given}) GROUP BY doc HAVING count(DISTINCT {item}) = {number}");
    let text = format!(
        "SELECT {item} AS bought, CAST(count(DISTINCT d.doc) AS BIGINT) AS c, {}, {} \
         FROM {documents} d JOIN {lines} line_items ON line_items.doc = d.doc AND {element} \
         WHERE {filter} AND d.doc IN ({matching}) AND {item} NOT IN ({given}) AND line_items.\"line_items.item_type\" IN ({types}) \
         GROUP BY bought ORDER BY c DESC, bought LIMIT {MAX_ITEMS}",
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
