//! The SQL of breakdowns: each level is a common table expression that refers to the buckets of the levels before it.

use crate::metrics::catalog::{Field, FieldType, Operator};
use crate::metrics::document::MILLION;
use crate::metrics::query::{Breakdown, Comparison, DateBreakdown, Interval, Measure, Query, Sort};
use crate::metrics::rows::{PERCENTILES, Scope};
use crate::projection::duckdb::sql::builder::{Bound, MEDIAN, SqlBuilder, Statement, is_scaled};
use crate::projection::duckdb::sql::documents::measured;
use crate::projection::duckdb::sql::rows::key;

/// The columns of a bucket's numbers.
const AGGREGATES: &str = "count, sum, minimum, maximum, percentiles";

/// One level of a breakdown.
struct Level<'a> {
    by: &'static Field,
    interval: Option<&'static str>,
    measure: Measure,
    condition: Option<&'a Comparison<f64>>,
    sort: Option<Sort>,
    limit: Option<u32>,
}

pub(super) fn breakdown(query: &Query, scope: &Scope, breakdown: &Breakdown) -> Statement {
    let mut levels = Vec::new();
    add_levels(&mut levels, Some(breakdown));
    statement(query, scope, &levels)
}

pub(super) fn dates(query: &Query, scope: &Scope, dates: &DateBreakdown) -> Statement {
    let interval = Some(match dates.interval {
        Interval::Hour => "hour",
        Interval::Day => "day",
        Interval::Week => "week",
        Interval::Month => "month",
        Interval::Year => "year",
    });
    let mut levels = vec![Level { by: dates.by, interval, measure: dates.measure, condition: None, sort: None, limit: None }];
    add_levels(&mut levels, dates.inner.as_deref());
    statement(query, scope, &levels)
}

pub(super) fn stats(query: &Query, scope: &Scope, measure: Measure) -> Statement {
    let mut builder = SqlBuilder::new(query, scope);
    let rows = rows(&mut builder, &[], measure, None);
    let text = format!("SELECT 1, 1, NULL, NULL, {} FROM ({rows}) r", aggregates(measure, false));
    builder.finish(text)
}

/// Returns the number of currencies of the records that have an amount.
pub(super) fn currencies(query: &Query, scope: &Scope, currency: &'static Field) -> Statement {
    let mut builder = SqlBuilder::new(query, scope);
    let measure = Measure { field: currency, operator: Operator::Cardinality };
    let rows = rows(&mut builder, &[], measure, None);
    let text = format!("SELECT count(DISTINCT value) FROM ({rows}) r");
    builder.finish(text)
}

fn add_levels<'a>(levels: &mut Vec<Level<'a>>, mut next: Option<&'a Breakdown>) {
    while let Some(Breakdown { by, measure, condition, sort, limit, inner }) = next {
        let (sort, limit) = (Some(*sort), Some(*limit));
        levels.push(Level { by, interval: None, measure: *measure, condition: condition.as_ref(), sort, limit });
        next = inner.as_deref();
    }
}

fn statement(query: &Query, scope: &Scope, levels: &[Level<'_>]) -> Statement {
    let mut builder = SqlBuilder::new(query, scope);
    if let [only] = levels {
        let text = flat(&mut builder, only);
        return builder.finish(text);
    }
    let mut expressions = Vec::new();
    let mut shown = Vec::new();
    let mut outer: &[Level<'_>] = &[];
    for (depth, last) in (1..).zip(levels) {
        expressions.push(format!("level{depth} AS MATERIALIZED ({})", level(&mut builder, outer, last)));
        shown.push(format!("SELECT {depth} AS level, id, parent, rank, label, {AGGREGATES} FROM level{depth}"));
        outer = levels.get(..depth).unwrap_or_default();
    }
    let columns = format!("level, id, parent, label, {AGGREGATES}");
    let text =
        format!("WITH {} SELECT {columns} FROM ({}) ORDER BY level, parent, rank", expressions.join(", "), shown.join(" UNION ALL "));
    builder.finish(text)
}

/// Returns a breakdown with one level. Its buckets need no ids, which saves most of the time of a small query.
fn flat(builder: &mut SqlBuilder<'_>, only: &Level<'_>) -> String {
    let (buckets, having, order) = buckets(builder, &[], only);
    let limit = only.limit.map_or_else(String::new, |limit| format!(" LIMIT {limit}"));
    format!("SELECT 1, NULL, NULL, label, {AGGREGATES} FROM ({buckets}) b{having} ORDER BY {order}{limit}")
}

/// Returns the buckets of a level: id, id of the parent, rank, key, label and numbers.
fn level(builder: &mut SqlBuilder<'_>, outer: &[Level<'_>], last: &Level<'_>) -> String {
    let (buckets, having, order) = buckets(builder, outer, last);
    match last.limit {
        None => format!("SELECT *, rank AS id FROM (SELECT *, row_number() OVER (ORDER BY {order}) AS rank FROM ({buckets}) b{having}) f"),
        // ORDER BY with LIMIT is faster than a rank over all rows.
        Some(limit) if outer.is_empty() => {
            let first = format!("SELECT * FROM ({buckets}) b{having} ORDER BY {order} LIMIT {limit}");
            format!("SELECT *, rank AS id FROM (SELECT *, row_number() OVER (ORDER BY {order}) AS rank FROM ({first}) g) f")
        }
        Some(limit) => {
            let ranked = format!("SELECT *, row_number() OVER (PARTITION BY parent ORDER BY {order}) AS rank FROM ({buckets}) b{having}");
            format!("SELECT *, row_number() OVER (ORDER BY parent, rank) AS id FROM ({ranked}) f WHERE rank <= {limit}")
        }
    }
}

/// Returns all buckets of a level, the condition on buckets, and their order.
fn buckets(builder: &mut SqlBuilder<'_>, outer: &[Level<'_>], last: &Level<'_>) -> (String, String, String) {
    let rows = rows(builder, outer, last.measure, Some(last));
    // With arrays, a document can be in several rows of a bucket.
    let repeats = outer.iter().chain([last]).any(|level| level.by.array().is_some());
    let (parent, groups) = if outer.is_empty() { ("NULL::BIGINT", "key") } else { ("parent", "parent, key") };
    let label = if last.interval.is_some() { "CAST(epoch_ms(key) AS VARCHAR)" } else { "CAST(key AS VARCHAR)" };
    let buckets = format!(
        "SELECT {parent} AS parent, key, {label} AS label, {} FROM ({rows}) r GROUP BY {groups}",
        aggregates(last.measure, repeats)
    );
    let having = last.condition.map_or_else(String::new, |condition| format!(" WHERE {}", compare(builder, last.measure, condition)));
    let order = match last.sort {
        None => "key".into(),
        Some(Sort::Ascending) => format!("{} ASC NULLS LAST, label", rank(last.measure)),
        Some(Sort::Descending) => format!("{} DESC NULLS LAST, label", rank(last.measure)),
    };
    (buckets, having, order)
}

/// Returns the input rows of a level: the parent's id and the key if there are any, and the value, each owner once in a bucket.
fn rows(builder: &mut SqlBuilder<'_>, outer: &[Level<'_>], measure: Measure, last: Option<&Level<'_>>) -> String {
    let keys: Vec<_> = outer.iter().chain(last).map(|level| level.by).collect();
    let mut source = builder.source(&keys, measure);
    for (depth, level) in (1..).zip(outer).collect::<Vec<_>>().into_iter().rev() {
        let is_in = match level.by.kind {
            FieldType::Texts => format!("list_contains({}, level{depth}.key)", builder.value(level.by)),
            _ => format!("level{depth}.key = {}", key(builder, level.by, level.interval)),
        };
        let child = if depth == outer.len() { String::new() } else { format!(" AND level{depth}.id = level{}.parent", depth + 1) };
        source.from += &format!(" JOIN level{depth} ON {is_in}{child}");
    }
    let mut columns = Vec::new();
    if !outer.is_empty() {
        columns.push(format!("level{}.id AS parent", outer.len()));
    }
    if let Some(last) = last {
        // On the column and not on the key: otherwise the engine computes every key twice.
        if !is_in_period(builder, last.by) {
            source.filter += &format!(" AND {} IS NOT NULL", builder.value(last.by));
        }
        let key = key(builder, last.by, last.interval);
        columns.push(if last.by.kind == FieldType::Texts { format!("unnest({key}) AS key") } else { format!("{key} AS key") });
    }
    let value = measured(measure).unwrap_or_else(|| builder.value(measure.field));
    columns.push(match counts_documents(measure) {
        // Every document has an id, so the engine need not read the id column.
        true if is_id(builder, measure.field) => "d.doc AS value".into(),
        true => format!("CASE WHEN {value} IS NOT NULL THEN d.doc END AS value"),
        false => format!("{value} AS value"),
    });
    // Minimum, maximum and the number of distinct values do not depend on how often a value occurs.
    let repeats = matches!(measure.operator, Operator::Min | Operator::Max | Operator::Cardinality) || counts_documents(measure);
    let owner = source.owner.filter(|_| !repeats);
    let distinct = if owner.is_some() { "DISTINCT " } else { "" };
    columns.extend(owner);
    format!("SELECT {distinct}{} FROM {} WHERE {}", columns.join(", "), source.from, source.filter)
}

/// Whether the date filter guarantees a value.
fn is_in_period(builder: &SqlBuilder<'_>, field: &Field) -> bool {
    builder.query.filter.period.is_some_and(|period| period.field.name == field.name)
}

/// Whether the field is the document's own id.
fn is_id(builder: &SqlBuilder<'_>, field: &Field) -> bool {
    field.name == builder.query.resource.id
}

/// Whether the measure counts documents: COUNT(DISTINCT) on integers is faster than SELECT DISTINCT.
fn counts_documents(measure: Measure) -> bool {
    measure.operator == Operator::ValueCount && measure.field.array().is_none()
}

/// Returns the five aggregates of a bucket; those that its operator does not need are NULL.
fn aggregates(measure: Measure, repeats: bool) -> String {
    let percentiles = PERCENTILES.map(|(_, part)| part).join(", ");
    let quantiles = format!("quantile_cont(CAST(value AS DOUBLE), [{percentiles}])");
    let numbers = match measure.operator {
        Operator::ValueCount if counts_documents(measure) && repeats => ["count(DISTINCT value)", "NULL", "NULL", "NULL", "NULL"],
        Operator::ValueCount => ["count(value)", "NULL", "NULL", "NULL", "NULL"],
        Operator::Cardinality => ["count(DISTINCT value)", "NULL", "NULL", "NULL", "NULL"],
        Operator::Sum => ["NULL", "sum(value)", "NULL", "NULL", "NULL"],
        Operator::Avg => ["count(value)", "sum(value)", "NULL", "NULL", "NULL"],
        Operator::Min => ["NULL", "NULL", "min(value)", "NULL", "NULL"],
        Operator::Max => ["NULL", "NULL", "NULL", "max(value)", "NULL"],
        Operator::Stats => ["count(value)", "sum(value)", "min(value)", "max(value)", "NULL"],
        Operator::Percentiles => ["count(value)", "NULL", "NULL", "NULL", &quantiles],
    };
    let names = [("BIGINT", "count"), ("HUGEINT", "sum"), ("BIGINT", "minimum"), ("BIGINT", "maximum"), ("DOUBLE[]", "percentiles")];
    let columns: Vec<_> = numbers.iter().zip(names).map(|(number, (kind, name))| format!("CAST({number} AS {kind}) AS {name}")).collect();
    columns.join(", ")
}

/// Returns the number by which buckets are sorted and filtered.
fn rank(measure: Measure) -> String {
    match measure.operator {
        Operator::ValueCount | Operator::Cardinality => "count".into(),
        Operator::Sum => "coalesce(sum, 0)".into(),
        Operator::Avg | Operator::Stats => "(CAST(sum AS DOUBLE) / count)".into(),
        Operator::Min => "minimum".into(),
        Operator::Max => "maximum".into(),
        Operator::Percentiles => format!("percentiles[{MEDIAN}]"),
    }
}

fn compare(builder: &mut SqlBuilder<'_>, measure: Measure, comparison: &Comparison<f64>) -> String {
    let scale = if is_scaled(measure.field) { format!(" / CAST({MILLION:.1} AS DOUBLE)") } else { String::new() };
    let value = format!("(CAST({} AS DOUBLE){scale})", rank(measure));
    let mut number = |at: f64| format!("CAST({} AS DOUBLE)", builder.bind(Bound::Number(at)));
    match *comparison {
        Comparison::Eq(at) => format!("{value} = {}", number(at)),
        Comparison::Ne(at) => format!("{value} IS DISTINCT FROM {}", number(at)),
        Comparison::Between(low, high) => {
            let low = low.map(|low| format!("{value} {} {}", if low.inclusive { ">=" } else { ">" }, number(low.at)));
            let high = high.map(|high| format!("{value} {} {}", if high.inclusive { "<=" } else { "<" }, number(high.at)));
            low.into_iter().chain(high).collect::<Vec<_>>().join(" AND ")
        }
    }
}
