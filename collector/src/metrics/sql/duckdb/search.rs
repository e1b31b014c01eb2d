//! Searches, and what is bought together.

use crate::metrics::catalog::GOODS;
use crate::metrics::query::{Query, Search, Sort};
use crate::metrics::sql::duckdb::{Printer, column, table};
use crate::metrics::sql::{Bound, Scope, Statement};

/// The most items that are bought together.
const MOST_ITEMS: u32 = 10;

pub(super) fn print(query: &Query, scope: Scope<'_>, search: &Search) -> Vec<Statement> {
    let mut printer = Printer::new(query, scope);
    let filter = printer.documents(&[]);
    let documents = table(printer.family(), None);
    let count = printer.finish(format!("SELECT count(*) FROM {documents} d WHERE {filter}"));
    vec![count, page(query, scope, search)]
}

/// One record more than the page holds tells whether something follows.
fn page(query: &Query, scope: Scope<'_>, search: &Search) -> Statement {
    let mut printer = Printer::new(query, scope);
    let mut filter = printer.documents(&[]);
    let date = column("d", search.sort_by);
    let id = format!("d.\"{}.id\"", query.resource.main);
    let (direction, beyond) = if search.sort == Sort::Ascending { ("ASC", ">") } else { ("DESC", "<") };
    if let Some(after) = &search.after {
        let last = printer.bind(Bound::Text(after.id.clone()));
        filter += &match after.date {
            Some(at) => {
                let at = printer.bind(Bound::Moment(at));
                format!(" AND ({date} {beyond} {at} OR ({date} = {at} AND {id} > {last}) OR {date} IS NULL)")
            }
            None => format!(" AND {date} IS NULL AND {id} > {last}"),
        };
    }
    let limit = printer.bind(Bound::Whole(i64::from(search.limit) + 1));
    let documents = table(printer.family(), None);
    // The texts of records are long; the engine reads those of the page alone.
    let columns = format!("d.json, CAST(epoch_ms({date}) AS BIGINT), {id}");
    let text = format!("SELECT {columns} FROM {documents} d WHERE {filter} ORDER BY {date} {direction} NULLS LAST, {id} LIMIT {limit}");
    printer.finish(text)
}

pub(super) fn bought_together(query: &Query, scope: Scope<'_>, items: &[String]) -> Statement {
    let mut printer = Printer::new(query, scope);
    let mut items = items.to_vec();
    items.sort_unstable();
    items.dedup();
    let filter = printer.documents(&["line_items"]);
    let element = printer.element("line_items", "line_items", &[]);
    let given = printer.bind_all(&items);
    let number = printer.bind(Bound::Whole(i64::try_from(items.len()).unwrap_or(i64::MAX)));
    let goods: Vec<_> = GOODS.iter().map(|&kind| kind.to_owned()).collect();
    let goods = printer.bind_all(&goods);
    let (documents, lines) = (table(printer.family(), None), table(printer.family(), Some("line_items")));
    let item = "line_items.\"line_items.item_id\"";
    let holders =
        format!("SELECT doc FROM {lines} line_items WHERE {item} IN ({given}) GROUP BY doc HAVING count(DISTINCT {item}) = {number}");
    let text = format!(
        "SELECT {item} AS bought, CAST(count(DISTINCT d.doc) AS BIGINT) AS c, {}, {} \
         FROM {documents} d JOIN {lines} line_items ON line_items.doc = d.doc AND {element} \
         WHERE {filter} AND d.doc IN ({holders}) AND {item} NOT IN ({given}) AND line_items.\"line_items.item_type\" IN ({goods}) \
         GROUP BY bought ORDER BY c DESC, bought LIMIT {MOST_ITEMS}",
        oldest("item_type"),
        oldest("name"),
    );
    printer.finish(text)
}

/// Returns the attribute of an item in the oldest order that has it.
fn oldest(attribute: &str) -> String {
    let value = format!("line_items.\"line_items.{attribute}\"");
    let order = "ORDER BY d.\"order.created_at\" NULLS LAST, d.\"order.id\", line_items.item";
    format!("first({value} {order}) FILTER (WHERE {value} IS NOT NULL)")
}
