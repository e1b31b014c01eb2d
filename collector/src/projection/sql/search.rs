//! The SQL of searches: the number of records, and one page of them.

use crate::metrics::catalog::{Field, FieldType};
use crate::metrics::query::{Search, Sort};
use crate::projection::sql::builder::{Plan, SqlBuilder, column};
use crate::projection::sql::dialect::Dialect;
use crate::projection::sql::names::column_name;
use crate::projection::sql::statement::{Bound, Statement};

pub(super) fn statements(plan: Plan<'_>, search: &Search) -> Vec<Statement> {
    let mut builder = SqlBuilder::new(plan);
    let filter = builder.documents(&[]);
    let records = builder.records();
    let count = builder.finish(format!("SELECT count(*) FROM {records} WHERE {filter}"));
    vec![count, page(plan, search)]
}

/// Reads one record more than the page has, to detect whether there is a next page.
fn page(plan: Plan<'_>, search: &Search) -> Statement {
    let mut builder = SqlBuilder::new(plan);
    let mut filter = builder.documents(&[]);
    let date = column("d", search.sort_by);
    let id = format!("d.{}", column_name(plan.query.resource.id));
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
    let limit = search.limit.saturating_add(1);
    let records = builder.records();
    let json = if builder.record_kind().has_documents() { "d.json" } else { "NULL" };
    // Records are long: the engine reads the JSON of this page only.
    let mut columns = format!("{json} AS record, {} AS date, {id} AS id", plan.dialect.millis(&date));
    for (number, field) in (1..).zip(plan.query.computed_fields(search)) {
        columns += &format!(", {} AS value{number}", value(plan.dialect, field));
    }
    let text = format!("SELECT {columns} FROM {records} WHERE {filter} ORDER BY {date} {direction} NULLS LAST, {id} LIMIT {limit}");
    builder.finish(text)
}

fn value(dialect: &dyn Dialect, field: &Field) -> String {
    let column = column("d", field);
    if field.kind == FieldType::Timestamp { dialect.millis(&column) } else { column }
}
