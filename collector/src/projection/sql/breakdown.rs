//! The SQL of breakdowns: each level is a common table expression that refers to the buckets of the levels before it.

use crate::metrics::catalog::{Field, FieldType, Operator};
use crate::metrics::document::MILLION;
use crate::metrics::query::{Breakdown, Comparison, DateBreakdown, Interval, Measure, Predicate, Sort};
use crate::metrics::rows::PERCENTILES;
use crate::projection::sql::builder::{MEDIAN, Plan, SqlBuilder, is_scaled};
use crate::projection::sql::documents::measured;
use crate::projection::sql::rows::key;
use crate::projection::sql::statement::{Bound, Statement};

/// The columns of a bucket's numbers.
const AGGREGATES: &str = "count, sum, minimum, maximum, percentiles";

/// One level of a breakdown.
struct Level<'a> {
    by: &'static Field,
    interval: Option<Interval>,
    measure: Measure,
    condition: Option<&'a Comparison<f64>>,
    sort: Option<Sort>,
    limit: Option<u32>,
}

pub(super) fn breakdown(plan: Plan<'_>, breakdown: &Breakdown) -> Statement {
    let mut levels = Vec::new();
    add_levels(&mut levels, Some(breakdown));
    statement(plan, &levels)
}

pub(super) fn dates(plan: Plan<'_>, dates: &DateBreakdown) -> Statement {
    let interval = Some(dates.interval);
    let mut levels = vec![Level { by: dates.by, interval, measure: dates.measure, condition: None, sort: None, limit: None }];
    add_levels(&mut levels, dates.inner.as_deref());
    statement(plan, &levels)
}

pub(super) fn stats(plan: Plan<'_>, measure: Measure) -> Statement {
    let mut builder = SqlBuilder::new(plan);
    let rows = rows(&mut builder, &[], measure, None);
    let text = format!(
        "SELECT 1 AS level, 1 AS id, NULL AS parent, NULL AS label, {} FROM ({rows}) r",
        aggregates(&builder, measure, Some(1), false)
    );
    builder.finish(text)
}

/// Returns the number of currencies of the records that have an amount.
pub(super) fn currencies(plan: Plan<'_>, currency: &'static Field) -> Statement {
    let mut builder = SqlBuilder::new(plan);
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

fn statement(plan: Plan<'_>, levels: &[Level<'_>]) -> Statement {
    let mut builder = SqlBuilder::new(plan);
    if let [only] = levels {
        let text = flat(&mut builder, only);
        return builder.finish(text);
    }
    let mut expressions = Vec::new();
    let mut shown = Vec::new();
    let mut outer: &[Level<'_>] = &[];
    for (depth, last) in (1..).zip(levels) {
        expressions.push(format!("level{depth} AS {}({})", plan.dialect.materialized(), level(&mut builder, outer, last)));
        shown.push(format!("SELECT {depth} AS level, id, parent, place, label, {AGGREGATES} FROM level{depth}"));
        outer = levels.get(..depth).unwrap_or_default();
    }
    let columns = format!("level, id, parent, label, {AGGREGATES}");
    let text =
        format!("WITH {} SELECT {columns} FROM ({}) a ORDER BY level, parent, place", expressions.join(", "), shown.join(" UNION ALL "));
    builder.finish(text)
}

/// Returns a breakdown with one level. Its buckets need no ids, which saves most of the time of a small query.
fn flat(builder: &mut SqlBuilder<'_>, only: &Level<'_>) -> String {
    let Buckets { columns, from, condition, order } = buckets(builder, &[], only);
    let having = condition.map_or_else(String::new, |condition| format!(" HAVING {condition}"));
    let limit = only.limit.map_or_else(String::new, |limit| format!(" LIMIT {limit}"));
    format!("SELECT 1 AS level, NULL AS id, NULL AS parent, {columns} FROM {from} GROUP BY key{having} ORDER BY {order}{limit}")
}

/// Returns the buckets of a level: id, id of the parent, rank, key, label and numbers.
fn level(builder: &mut SqlBuilder<'_>, outer: &[Level<'_>], last: &Level<'_>) -> String {
    let Buckets { columns, from, condition, order } = buckets(builder, outer, last);
    let (parent, groups) = if outer.is_empty() { ("CAST(NULL AS BIGINT)", "key") } else { ("parent", "parent, key") };
    let buckets = format!("SELECT {parent} AS parent, key, {columns} FROM {from} GROUP BY {groups}");
    let having = condition.map_or_else(String::new, |condition| format!(" WHERE {condition}"));
    let number = |order: &str| format!("CAST(row_number() OVER ({order}) AS BIGINT)");
    let place = number(&format!("ORDER BY {order}"));
    match last.limit {
        None => format!("SELECT *, place AS id FROM (SELECT *, {place} AS place FROM ({buckets}) b{having}) f"),
        // ORDER BY with LIMIT is faster than a rank over all rows.
        Some(limit) if outer.is_empty() => {
            let first = format!("SELECT * FROM ({buckets}) b{having} ORDER BY {order} LIMIT {limit}");
            format!("SELECT *, place AS id FROM (SELECT *, {place} AS place FROM ({first}) g) f")
        }
        Some(limit) => {
            let place = number(&format!("PARTITION BY parent ORDER BY {order}"));
            let ranked = format!("SELECT *, {place} AS place FROM ({buckets}) b{having}");
            format!("SELECT *, {} AS id FROM ({ranked}) f WHERE place <= {limit}", number("ORDER BY parent, place"))
        }
    }
}

/// All buckets of a level.
struct Buckets {
    /// Label and numbers.
    columns: String,
    /// The rows, with the parent's id and the key.
    from: String,
    /// The condition on buckets.
    condition: Option<String>,
    order: String,
}

fn buckets(builder: &mut SqlBuilder<'_>, outer: &[Level<'_>], last: &Level<'_>) -> Buckets {
    let rows = rows(builder, outer, last.measure, Some(last));
    // With arrays, a document can be in several rows of a bucket.
    let repeats = outer.iter().chain([last]).any(|level| level.by.array().is_some());
    let count = if outer.is_empty() { bucket_count(builder, last) } else { None };
    let label = if last.interval.is_some() { builder.dialect.millis("key") } else { "key".into() };
    let columns = format!("CAST({label} AS VARCHAR) AS label, {}", aggregates(builder, last.measure, count, repeats));
    let condition = last.condition.map(|condition| compare(builder, last.measure, condition));
    let order = match last.sort {
        None => "key".into(),
        Some(Sort::Ascending) => format!("{} ASC NULLS LAST, label", rank(last.measure)),
        Some(Sort::Descending) => format!("{} DESC NULLS LAST, label", rank(last.measure)),
    };
    Buckets { columns, from: format!("({rows}) r"), condition, order }
}

/// Returns the input rows of a level: the parent's id and the key if there are any, and the value, each owner once in a bucket.
fn rows(builder: &mut SqlBuilder<'_>, outer: &[Level<'_>], measure: Measure, last: Option<&Level<'_>>) -> String {
    let keys: Vec<_> = outer.iter().chain(last).map(|level| level.by).collect();
    let mut source = builder.source(&keys, measure);
    for (depth, level) in (1..).zip(outer).collect::<Vec<_>>().into_iter().rev() {
        let child = (depth != outer.len()).then(|| format!("level{depth}.id = level{}.parent", depth + 1));
        let key = key(builder, level.by, level.interval);
        // A join compares columns; other conditions follow it.
        let (is_equal, filter) = match level.by.kind {
            FieldType::Texts => (None, Some(builder.dialect.list_contains(&key, &format!("level{depth}.key")))),
            FieldType::Organization => (None, Some(format!("level{depth}.key = {key}"))),
            _ => (Some(format!("level{depth}.key = {key}")), None),
        };
        let on: Vec<_> = is_equal.into_iter().chain(child).collect();
        source.from +=
            &if on.is_empty() { format!(" CROSS JOIN level{depth}") } else { format!(" JOIN level{depth} ON {}", on.join(" AND ")) };
        source.filter.extend(filter.map(|filter| format!(" AND {filter}")));
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
        columns.push(if last.by.kind == FieldType::Texts {
            format!("{} AS key", builder.dialect.unnest(&key))
        } else {
            format!("{key} AS key")
        });
    }
    let value = measured(measure).unwrap_or_else(|| builder.value(measure.field));
    columns.push(match counts_documents(measure) {
        // Every document has an id, so the engine need not read the id column.
        true if is_id(builder, measure.field) => "d.doc AS value".into(),
        true => format!("CASE WHEN {value} IS NOT NULL THEN d.doc END AS value"),
        false => format!("{} AS value", builder.dialect.nullable(&value)),
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

/// Returns about how many buckets a level has, if the filter determines that.
fn bucket_count(builder: &SqlBuilder<'_>, level: &Level<'_>) -> Option<i64> {
    let filter = &builder.query.filter;
    if let Some(interval) = level.interval {
        let period = filter.period.filter(|period| period.field.name == level.by.name)?;
        return Some((period.until - period.from) / interval.least_millis() + 2);
    }
    let values = filter.conditions.iter().filter(|condition| condition.field.name == level.by.name);
    values
        .filter_map(|condition| if let Predicate::In(values) = &condition.predicate { i64::try_from(values.len()).ok() } else { None })
        .min()
}

/// Returns the five aggregates of a bucket; those that its operator does not need are NULL. `buckets` is about how many there are, if that is
/// known, and with `repeats` a record can be in several rows of one.
fn aggregates(builder: &SqlBuilder<'_>, measure: Measure, buckets: Option<i64>, repeats: bool) -> String {
    let dialect = builder.dialect;
    let parts = PERCENTILES.map(|(_, part)| part).join(", ");
    let (sum, percentiles) = (dialect.sum("value"), dialect.percentiles("value", &parts));
    let no_percentiles = dialect.no_percentiles();
    let different = builder
        .numbered(measure)
        .map_or_else(|| "count(DISTINCT value)".into(), |numbered| dialect.count_numbers(numbered, "value", buckets));
    let numbers = match measure.operator {
        Operator::ValueCount if counts_documents(measure) && repeats => ["count(DISTINCT value)", "NULL", "NULL", "NULL", no_percentiles],
        Operator::ValueCount => ["count(value)", "NULL", "NULL", "NULL", no_percentiles],
        Operator::Cardinality => [&different, "NULL", "NULL", "NULL", no_percentiles],
        Operator::Sum => ["NULL", &sum, "NULL", "NULL", no_percentiles],
        Operator::Avg => ["count(value)", &sum, "NULL", "NULL", no_percentiles],
        Operator::Min => ["NULL", "NULL", "min(value)", "NULL", no_percentiles],
        Operator::Max => ["NULL", "NULL", "NULL", "max(value)", no_percentiles],
        Operator::Stats => ["count(value)", &sum, "min(value)", "max(value)", no_percentiles],
        Operator::Percentiles => ["count(value)", "NULL", "NULL", "NULL", &percentiles],
    };
    let [count, sum, minimum, maximum, percentiles] = numbers;
    // A database plans a statement faster with fewer expressions.
    let cast = |number: &str, kind: &str| if number == "NULL" { number.to_owned() } else { format!("CAST({number} AS {kind})") };
    let [count, minimum, maximum] = [count, minimum, maximum].map(|number| cast(number, "BIGINT"));
    let sum = cast(sum, dialect.sum_type());
    format!("{count} AS count, {sum} AS sum, {minimum} AS minimum, {maximum} AS maximum, {percentiles} AS percentiles")
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
        Comparison::Ne(at) => format!("({value} IS NULL OR {value} <> {})", number(at)),
        Comparison::Between(low, high) => {
            let low = low.map(|low| format!("{value} {} {}", if low.inclusive { ">=" } else { ">" }, number(low.at)));
            let high = high.map(|high| format!("{value} {} {}", if high.inclusive { "<=" } else { "<" }, number(high.at)));
            low.into_iter().chain(high).collect::<Vec<_>>().join(" AND ")
        }
    }
}
