//! The SQL of searches: the number of records, and one page of them.

use crate::metrics::query::{Query, Search, Sort};
use crate::metrics::rows::Scope;
use crate::projection::duckdb::sql::builder::{Bound, SqlBuilder, Statement, column};

pub(super) fn statements(query: &Query, scope: &Scope, search: &Search) -> Vec<Statement> {
    let mut builder = SqlBuilder::new(query, scope);
    let filter = builder.documents(&[]);
    let records = builder.records();
    let count = builder.finish(format!("SELECT count(*) FROM {records} WHERE {filter}"));
    vec![count, page(query, scope, search)]
}

/// Reads one record more than the page has, to detect whether there is a next page.
fn page(query: &Query, scope: &Scope, search: &Search) -> Statement {
    let mut builder = SqlBuilder::new(query, scope);
    let mut filter = builder.documents(&[]);
    let date = column("d", search.sort_by);
    let id = format!("d.\"{}\"", query.resource.id);
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
    let records = builder.records();
    let json = builder.json(&search.fields);
    // Records are long: the engine reads the JSON of this page only.
    let columns = format!("{json}, CAST(epoch_ms({date}) AS BIGINT), {id}");
    let text = format!("SELECT {columns} FROM {records} WHERE {filter} ORDER BY {date} {direction} NULLS LAST, {id} LIMIT {limit}");
    builder.finish(text)
}
