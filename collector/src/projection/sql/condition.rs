//! The SQL conditions of a filter: on documents, and on the elements of their arrays.

use std::ops::RangeInclusive;

use tillroll_protocol::limits::MAX_AMOUNT;

use crate::metrics::catalog::{Field, FieldType, Grouping, RecordKind, parent};
use crate::metrics::document::MILLION;
use crate::metrics::query::{Comparison, Condition, Predicate};
use crate::metrics::search_query::SearchExpr;
use crate::projection::sql::builder::{SqlBuilder, alias, column, is_scaled};
use crate::projection::sql::names::column_name;
use crate::projection::sql::statement::Bound;

/// How many values a text of a field for groups is compared with one after the other. Such a field has few different texts.
const LISTED: RangeInclusive<usize> = 2..=16;

/// The largest number that is stored: the largest amount, in millionths.
const MAX_STORED: f64 = MAX_AMOUNT * MILLION;

/// Whether an array is this one or is nested in it.
pub(super) fn in_tree(root: &str, array: &str) -> bool {
    array == root || parent(array) == Some(root)
}

pub(super) fn root(array: &'static str) -> &'static str {
    parent(array).unwrap_or(array)
}

fn is_positive(condition: &Condition) -> bool {
    condition.predicate.opposite().is_none()
}

impl SqlBuilder<'_> {
    /// Whether the filter has a positive condition on this array.
    pub(super) fn is_limited(&self, array: &str) -> bool {
        self.query.filter.conditions.iter().any(|condition| condition.field.array() == Some(array) && is_positive(condition))
    }

    /// Whether the filter has a positive condition on this array or on one nested in it.
    pub(super) fn is_tree_limited(&self, array: &'static str) -> bool {
        self.record_kind().arrays().any(|other| in_tree(array, other) && self.is_limited(other))
    }

    /// Returns the condition on documents. It leaves out positive conditions on the arrays in `joined`, which the joins contain.
    pub(super) fn documents(&mut self, joined: &[&'static str]) -> String {
        let mut all = self.scope_and_period();
        for condition in &self.query.filter.conditions {
            match condition.field.array() {
                None => all.push(self.predicate("d", condition.field, &condition.predicate)),
                Some(array) => {
                    all.extend(condition.predicate.opposite().map(|positive| self.no_element(array, condition.field, &positive)));
                }
            }
        }
        for array in self.record_kind().arrays().filter(|array| parent(array).is_none() && !joined.contains(array)) {
            if self.is_tree_limited(array) {
                let element = self.element(array, "e", &[]).unwrap_or("TRUE".into());
                all.push(format!("d.doc IN (SELECT e.doc FROM {} e WHERE {element})", self.table(Some(array))));
            }
        }
        if let Some(search) = &self.query.filter.search {
            all.push(self.search(search));
        }
        all.join(" AND ")
    }

    fn scope_and_period(&mut self) -> Vec<String> {
        let mut all = vec![format!("d.project = {}", self.scope.project)];
        all.extend(self.visible_rows());
        if self.record_kind() == RecordKind::Orders {
            // A comparison: the engine evaluates it while it scans, unlike `NOT d.cart`.
            all.push(format!("d.cart = {}", self.query.resource.is_cart()));
        }
        // The relation of customers has no market, and contains only what the caller may see.
        if !self.scope.markets.is_empty() && self.record_kind() != RecordKind::Customers {
            let markets = &self.scope.markets;
            all.push(format!("d.{} IN ({})", column_name("market.id"), self.bind_all(markets)));
        }
        if let Some(period) = self.query.filter.period {
            let date = column("d", period.field);
            let (from, until) = (self.bind(Bound::Timestamp(period.from)), self.bind(Bound::Timestamp(period.until)));
            all.push(format!("{date} >= {from} AND {date} < {until}"));
        }
        all
    }

    fn no_element(&mut self, array: &str, field: &Field, predicate: &Predicate) -> String {
        let predicate = self.predicate("e", field, predicate);
        let from = format!("{} e", self.table(Some(array)));
        format!("NOT {}", self.dialect.exists(&[("d.doc".into(), "e.doc".into())], &from, &predicate))
    }

    /// Returns the condition on an element, if there is one. It leaves out conditions on the nested arrays in `joined`, which the joins
    /// contain.
    pub(super) fn element(&mut self, array: &'static str, name: &str, joined: &[&'static str]) -> Option<String> {
        let mut all = Vec::new();
        for condition in &self.query.filter.conditions {
            if condition.field.array() == Some(array) && is_positive(condition) {
                all.push(self.predicate(name, condition.field, &condition.predicate));
            }
        }
        for inner in self.record_kind().arrays().filter(|other| parent(other) == Some(array) && !joined.contains(other)) {
            if self.is_limited(inner) {
                let nested = format!("{name}_{}", alias(inner));
                let element = self.element(inner, &nested, &[]).unwrap_or("TRUE".into());
                let from = format!("{} {nested}", self.table(Some(inner)));
                let pair = |outside: &str, inside: &str| (format!("{name}.{outside}"), format!("{nested}.{inside}"));
                all.push(self.dialect.exists(&[pair("doc", "doc"), pair("item", "parent")], &from, &element));
            }
        }
        (!all.is_empty()).then(|| all.join(" AND "))
    }

    fn predicate(&mut self, name: &str, field: &Field, predicate: &Predicate) -> String {
        let value = column(name, field);
        match predicate {
            Predicate::In(texts) if field.kind == FieldType::Texts => {
                let values = self.bind_all(texts);
                self.dialect.list_has_any(&value, &values)
            }
            Predicate::NotIn(texts) if field.kind == FieldType::Texts => {
                let values = self.bind_all(texts);
                format!("coalesce(NOT {}, TRUE)", self.dialect.list_has_any(&value, &values))
            }
            Predicate::Is(true) => format!("{value} = TRUE"),
            Predicate::Is(false) => format!("coalesce({value}, FALSE) = FALSE"),
            Predicate::In(texts) if texts.is_empty() => "FALSE".into(),
            Predicate::NotIn(texts) if texts.is_empty() => "TRUE".into(),
            Predicate::In(texts) => self.is_among(&value, field, texts),
            Predicate::NotIn(texts) => format!("({value} IS NULL OR NOT {})", self.is_among(&value, field, texts)),
            Predicate::Timestamp(comparison) => self.compare(&value, comparison, |at| (Bound::Timestamp(at), true)),
            Predicate::Number(comparison) if is_scaled(field) => self.compare(&value, comparison, |at| floor(at, MILLION)),
            Predicate::Number(comparison) => self.compare(&value, comparison, |at| floor(at, 1.0)),
        }
    }

    fn is_among(&mut self, value: &str, field: &Field, texts: &[String]) -> String {
        let values = self.bind_all(texts);
        if field.grouping != Grouping::No && LISTED.contains(&texts.len()) {
            return self.dialect.is_listed(value, &values);
        }
        format!("{value} IN ({values})")
    }

    /// `bound` returns the largest storable value that is not above its argument, and whether it is equal to it.
    fn compare<T: Copy>(&mut self, value: &str, comparison: &Comparison<T>, bound: fn(T) -> (Bound, bool)) -> String {
        let (low, high) = match *comparison {
            // A value that cannot be stored equals no stored value.
            Comparison::Eq(at) => match bound(at) {
                (at, true) => return format!("{value} = {}", self.bind(at)),
                _ => return "FALSE".into(),
            },
            Comparison::Ne(at) => match bound(at) {
                (at, true) => return format!("({value} IS NULL OR {value} <> {})", self.bind(at)),
                _ => return "TRUE".into(),
            },
            Comparison::Between(low, high) => (low, high),
        };
        let mut all = Vec::new();
        if let Some(low) = low {
            let (at, exact) = bound(low.at);
            let sign = if exact && low.inclusive { ">=" } else { ">" };
            all.push(format!("{value} {sign} {}", self.bind(at)));
        }
        if let Some(high) = high {
            let (at, exact) = bound(high.at);
            let sign = if exact && !high.inclusive { "<" } else { "<=" };
            all.push(format!("{value} {sign} {}", self.bind(at)));
        }
        all.join(" AND ")
    }

    fn search(&mut self, query: &SearchExpr) -> String {
        match query {
            SearchExpr::And(inner) => self.join(inner, " AND "),
            SearchExpr::Or(inner) => self.join(inner, " OR "),
            SearchExpr::Not(inner) => format!("NOT {}", self.search(inner)),
            SearchExpr::Any => "TRUE".into(),
            SearchExpr::Word(parts) | SearchExpr::Phrase(parts) => {
                let contains = parts.iter().filter(|part| !part.is_empty()).max_by_key(|part| part.len());
                let contains = contains.map(|part| {
                    let part = self.bind(Bound::Text(part.clone()));
                    self.dialect.contains("d.text", &part)
                });
                // Most records do not contain the longest part, which is faster to find than the expression.
                let regex = self.bind(Bound::Text(query.regex().unwrap_or_default()));
                let matches = self.dialect.matches("d.text", &regex);
                format!("({} AND {matches})", contains.unwrap_or("TRUE".into()))
            }
        }
    }

    fn join(&mut self, queries: &[SearchExpr], operator: &str) -> String {
        let all: Vec<_> = queries.iter().map(|query| self.search(query)).collect();
        format!("({})", all.join(operator))
    }
}

/// Rounds a number down to a stored value, which is an integer multiple of `1 / scale`; numbers out of range become the nearest limit.
fn floor(at: f64, scale: f64) -> (Bound, bool) {
    let nearest = (at * scale).round();
    #[expect(clippy::float_cmp, reason = "exact equality is intended")]
    let exact = nearest / scale == at && nearest.abs() <= MAX_STORED;
    (Bound::Integer(integer(if exact { nearest } else { (at * scale).floor() })), exact)
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates at limits that no stored value reaches")]
fn integer(number: f64) -> i64 {
    number as i64
}
