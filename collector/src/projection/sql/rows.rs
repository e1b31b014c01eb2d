//! The input rows of buckets: documents, joined with the elements of every array that the query uses.
//!
//! A row has one element of each array. Two keys on one array refer to the same element, nested arrays are joined to their parents, and two
//! separate arrays are joined through their document. A measure counts each owner of its field once in a bucket, so a document that is in
//! five rows counts once.

use crate::metrics::catalog::{Field, parent};
use crate::metrics::query::{Interval, Measure, QueryKind};
use crate::projection::sql::builder::{SqlBuilder, alias, column};
use crate::projection::sql::condition::{in_tree, root};
use crate::time::DAY_MS;

/// The source of input rows.
pub(super) struct Source {
    /// The FROM clause.
    pub(super) from: String,
    /// The WHERE clause.
    pub(super) filter: String,
    /// The columns that identify the owner of the measured field, if several rows can have the same owner.
    pub(super) owner: Option<String>,
}

impl SqlBuilder<'_> {
    /// Returns the input rows for buckets by `keys` with this measure.
    pub(super) fn source(&mut self, keys: &[&'static Field], measure: Measure) -> Source {
        let keyed: Vec<_> = keys.iter().filter_map(|key| key.array()).collect();
        let arrays = self.joined(&keyed, measure.field);
        let mut from = self.records();
        for array in &arrays {
            let name = alias(array);
            let element = self.element(array, &name, &arrays);
            let on = match parent(array).filter(|parent| arrays.contains(parent)) {
                Some(parent) => format!("{name}.doc = {0}.doc AND {name}.parent = {0}.item", alias(parent)),
                None => format!("{name}.doc = d.doc"),
            };
            // A bucket stays even if nothing in it has a value. If the filter requires an element, there is one.
            let is_optional =
                !keys.is_empty() && measure.field.array() == Some(*array) && !keyed.contains(array) && !self.is_tree_limited(array);
            let join = if is_optional { "LEFT JOIN" } else { "JOIN" };
            let elements = self.table(Some(array));
            // A condition on elements stands before the join: not every engine allows it beside the equality.
            let elements = element.map_or_else(|| elements.clone(), |element| format!("(SELECT * FROM {elements} {name} WHERE {element})"));
            from += &format!(" {join} {elements} {name} ON {on}");
        }
        let roots: Vec<_> = arrays.iter().map(|array| root(array)).collect();
        let filter = self.documents(&roots);
        Source { from, filter, owner: owner(&arrays, measure.field) }
    }

    /// Returns the arrays that keys and measure use, and parents whose own conditions limit them. Parents come first.
    fn joined(&self, keyed: &[&'static str], measured: &'static Field) -> Vec<&'static str> {
        let is_used = |array: &'static str| keyed.contains(&array) || measured.array() == Some(array);
        let has_used_child = |array: &'static str| keyed.iter().copied().chain(measured.array()).any(|child| parent(child) == Some(array));
        let needed = |array: &&'static str| is_used(array) || (has_used_child(array) && self.is_limited(array));
        self.record_kind().arrays().filter(needed).collect()
    }
}

fn owner(arrays: &[&'static str], measured: &Field) -> Option<String> {
    let is_above = |array: &str| measured.array().is_some_and(|field_array| in_tree(array, field_array));
    if arrays.iter().all(|array| is_above(array)) {
        return None;
    }
    Some(measured.array().map_or_else(|| "d.doc".into(), |array| format!("d.doc, {}.item", alias(array))))
}

/// Returns the grouping key of a bucket by this field.
pub(super) fn key(builder: &mut SqlBuilder<'_>, field: &'static Field, interval: Option<Interval>) -> String {
    let Some(interval) = interval else { return builder.value(field) };
    let dialect = builder.dialect;
    let column = column(&field.array().map_or_else(|| "d".into(), alias), field);
    match offset(builder, field, &column) {
        None => dialect.truncate(interval, &column),
        Some(offset) => {
            let start = dialect.truncate(interval, &dialect.shift(&column, &offset));
            // An hour of local time can occur twice.
            if interval == Interval::Hour { dialect.shift(&start, &format!("(-{offset})")) } else { start }
        }
    }
}

/// Returns the offset of the query's time zone at a time in milliseconds, if the query has one.
fn offset(builder: &SqlBuilder<'_>, field: &Field, column: &str) -> Option<String> {
    let QueryKind::DateBreakdown(dates) = &builder.query.kind else { return None };
    let zone = dates.zone.as_ref()?;
    let period = builder.query.filter.period.filter(|period| period.field.name == field.name);
    let (from, until) = period.map_or((0, builder.query.now + DAY_MS), |period| (period.from, period.until));
    let offsets = zone.offsets(from, until);
    let (_, first) = *offsets.first()?;
    let changes = offsets.iter().skip(1).rev();
    let changes = changes.map(|(since, offset)| format!("WHEN {column} >= {} THEN {offset} ", builder.dialect.time(*since)));
    let changes: String = changes.collect();
    Some(if changes.is_empty() { format!("({first})") } else { format!("(CASE {changes}ELSE {first} END)") })
}
