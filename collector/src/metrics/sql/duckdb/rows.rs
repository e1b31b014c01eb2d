//! The rows that a bucket is made of: documents, with the elements of every array that is asked about beside them.
//!
//! A row binds one element of each array. Whoever asks twice about one array asks about the same element, arrays in arrays keep to their
//! parents, and two arrays side by side meet at their document. What is computed is computed over the different owners of its field among
//! a bucket's rows, so that a document that stands in five rows counts once.

use crate::metrics::catalog::{Field, parent};
use crate::metrics::query::Measure;
use crate::metrics::sql::duckdb::condition::{in_tree, root};
use crate::metrics::sql::duckdb::{Printer, alias, column, table};

/// Where rows come from.
pub(super) struct Source {
    /// What follows FROM.
    pub(super) from: String,
    /// What follows WHERE.
    pub(super) filter: String,
    /// What tells the owners of the measured field apart, where several rows may have one owner.
    pub(super) owner: Option<String>,
}

impl Printer<'_> {
    /// Returns the rows for buckets by `keys` in which `measure` is computed.
    pub(super) fn source(&mut self, keys: &[&'static Field], measure: Measure) -> Source {
        let keyed: Vec<_> = keys.iter().filter_map(|key| key.array()).collect();
        let arrays = self.joined(&keyed, measure.field);
        let mut from = format!("{} d", table(self.family(), None));
        for array in &arrays {
            let name = alias(array);
            let element = self.element(array, &name, &arrays);
            let on = match parent(array).filter(|parent| arrays.contains(parent)) {
                Some(parent) => format!("{name}.doc = {0}.doc AND {name}.parent = {0}.item", alias(parent)),
                None => format!("{name}.doc = d.doc"),
            };
            // A bucket stays although nothing in it has a value. Where the filter asks for an element, there is one.
            let may_lack =
                !keys.is_empty() && measure.field.array() == Some(*array) && !keyed.contains(array) && !self.is_tree_limited(array);
            let join = if may_lack { "LEFT JOIN" } else { "JOIN" };
            from += &format!(" {join} {} {name} ON {on} AND {element}", table(self.family(), Some(array)));
        }
        let roots: Vec<_> = arrays.iter().map(|array| root(array)).collect();
        let filter = self.documents(&roots);
        Source { from, filter, owner: owner(&arrays, measure.field) }
    }

    /// Returns the arrays that are asked about, and those whose own conditions limit an array in them. Parents come first.
    fn joined(&self, keyed: &[&'static str], measured: &'static Field) -> Vec<&'static str> {
        let asked = |array: &'static str| keyed.contains(&array) || measured.array() == Some(array);
        let has_asked_child = |array: &'static str| keyed.iter().copied().chain(measured.array()).any(|child| parent(child) == Some(array));
        let needed = |array: &&'static str| asked(array) || (has_asked_child(array) && self.is_limited(array));
        self.family().arrays().filter(needed).collect()
    }
}

fn owner(arrays: &[&'static str], measured: &Field) -> Option<String> {
    let is_above = |array: &str| measured.array().is_some_and(|own| in_tree(array, own));
    if arrays.iter().all(|array| is_above(array)) {
        return None;
    }
    Some(measured.array().map_or_else(|| "d.doc".into(), |array| format!("d.doc, {}.item", alias(array))))
}

/// Returns the expression for what a bucket by this field is told apart by.
pub(super) fn key(printer: &mut Printer<'_>, field: &'static Field, interval: Option<&str>) -> String {
    match interval {
        Some(interval) => format!("date_trunc('{interval}', {})", column(&field.array().map_or_else(|| "d".into(), alias), field)),
        None => printer.value(field),
    }
}
