//! Which documents, and which elements of their arrays, a filter lets through.

use crate::metrics::catalog::{Family, Field, parent};
use crate::metrics::document::MILLION;
use crate::metrics::query::{Comparison, Condition, Test};
use crate::metrics::search_query::Words;
use crate::metrics::sql::Bound;
use crate::metrics::sql::duckdb::{Printer, alias, column, is_scaled, table};

/// Whether an array is this one or stands in it.
pub(super) fn in_tree(root: &str, array: &str) -> bool {
    array == root || parent(array) == Some(root)
}

pub(super) fn root(array: &'static str) -> &'static str {
    parent(array).unwrap_or(array)
}

fn is_positive(condition: &Condition) -> bool {
    condition.test.opposite().is_none()
}

impl Printer<'_> {
    /// Whether some element of the array must meet a condition of its own.
    pub(super) fn is_limited(&self, array: &str) -> bool {
        self.query.filter.conditions.iter().any(|condition| condition.field.array() == Some(array) && is_positive(condition))
    }

    /// Whether some element of the array, or of one in it, must meet a condition.
    pub(super) fn is_tree_limited(&self, array: &'static str) -> bool {
        self.family().arrays().any(|other| in_tree(array, other) && self.is_limited(other))
    }

    /// Returns what must hold of a document. Conditions on the arrays under `joined` are met by joining those arrays.
    pub(super) fn documents(&mut self, joined: &[&'static str]) -> String {
        let mut all = self.scope_and_period();
        for condition in &self.query.filter.conditions {
            match condition.field.array() {
                None => all.push(self.test("d", condition.field, &condition.test)),
                Some(array) => all.extend(condition.test.opposite().map(|test| self.without(array, condition.field, &test))),
            }
        }
        for array in self.family().arrays().filter(|array| parent(array).is_none() && !joined.contains(array)) {
            if self.is_tree_limited(array) {
                let element = self.element(array, "e", &[]);
                all.push(format!("d.doc IN (SELECT e.doc FROM {} e WHERE {element})", table(self.family(), Some(array))));
            }
        }
        if let Some(words) = &self.query.filter.words {
            all.push(self.words(words));
        }
        all.join(" AND ")
    }

    fn scope_and_period(&mut self) -> Vec<String> {
        let mut all = vec![format!("d.project = {}", self.bind(Bound::Whole(self.scope.project)))];
        if self.family() == Family::Orders {
            all.push(if self.query.resource.is_cart() { "d.cart".into() } else { "NOT d.cart".into() });
        }
        if !self.scope.markets.is_empty() {
            let markets = self.scope.markets;
            all.push(format!("d.\"market.id\" IN ({})", self.bind_all(markets)));
        }
        if let Some(period) = self.query.filter.period {
            let date = column("d", period.field);
            let (from, until) = (self.bind(Bound::Moment(period.from)), self.bind(Bound::Moment(period.until)));
            all.push(format!("{date} >= {from} AND {date} < {until}"));
        }
        all
    }

    fn without(&mut self, array: &str, field: &Field, test: &Test) -> String {
        let test = self.test("e", field, test);
        format!("NOT EXISTS (SELECT 1 FROM {} e WHERE e.doc = d.doc AND {test})", table(self.family(), Some(array)))
    }

    /// Returns what must hold of an element. Conditions on the arrays in `joined` are met by joining those arrays.
    pub(super) fn element(&mut self, array: &'static str, name: &str, joined: &[&'static str]) -> String {
        let mut all = Vec::new();
        for condition in &self.query.filter.conditions {
            if condition.field.array() == Some(array) && is_positive(condition) {
                all.push(self.test(name, condition.field, &condition.test));
            }
        }
        for inner in self.family().arrays().filter(|other| parent(other) == Some(array) && !joined.contains(other)) {
            if self.is_limited(inner) {
                let own = format!("{name}_{}", alias(inner));
                let element = self.element(inner, &own, &[]);
                let from = table(self.family(), Some(inner));
                let on = format!("{own}.doc = {name}.doc AND {own}.parent = {name}.item");
                all.push(format!("EXISTS (SELECT 1 FROM {from} {own} WHERE {on} AND {element})"));
            }
        }
        if all.is_empty() { "TRUE".into() } else { all.join(" AND ") }
    }

    fn test(&mut self, name: &str, field: &Field, test: &Test) -> String {
        let value = column(name, field);
        match test {
            Test::Is(true) => format!("{value} IS TRUE"),
            Test::Is(false) => format!("{value} IS NOT TRUE"),
            Test::In(texts) if texts.is_empty() => "FALSE".into(),
            Test::NotIn(texts) if texts.is_empty() => "TRUE".into(),
            Test::In(texts) => format!("{value} IN ({})", self.bind_all(texts)),
            Test::NotIn(texts) => format!("({value} IS NULL OR {value} NOT IN ({}))", self.bind_all(texts)),
            Test::Moment(comparison) => self.compare(&value, comparison, |at| (Bound::Moment(at), true)),
            Test::Number(comparison) if is_scaled(field) => self.compare(&value, comparison, |at| floor(at, MILLION)),
            Test::Number(comparison) => self.compare(&value, comparison, |at| floor(at, 1.0)),
        }
    }

    /// `bound` returns the greatest kept value that is not above `at`, and whether it is `at` itself.
    fn compare<T: Copy>(&mut self, value: &str, comparison: &Comparison<T>, bound: fn(T) -> (Bound, bool)) -> String {
        let (low, high) = match *comparison {
            Comparison::Eq(at) => return self.compare_equal(value, bound(at), "=", "FALSE"),
            Comparison::Ne(at) => return self.compare_equal(value, bound(at), "IS DISTINCT FROM", "TRUE"),
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

    /// No kept value equals one that cannot be kept.
    fn compare_equal(&mut self, value: &str, (at, exact): (Bound, bool), sign: &str, otherwise: &str) -> String {
        if exact { format!("{value} {sign} {}", self.bind(at)) } else { otherwise.into() }
    }

    fn words(&mut self, words: &Words) -> String {
        match words {
            Words::All(all) => self.many_words(all, " AND "),
            Words::Any(any) => self.many_words(any, " OR "),
            Words::Not(words) => format!("NOT {}", self.words(words)),
            Words::Chunks(pieces) => match pieces.as_slice() {
                [] => "TRUE".into(),
                [piece] => format!("contains(d.words, {})", self.bind(Bound::Text(piece.clone()))),
                pieces => {
                    let escaped: Vec<_> = pieces.iter().map(|piece| escape(piece)).collect();
                    format!("regexp_matches(d.words, {})", self.bind(Bound::Text(escaped.join("[^\n]*"))))
                }
            },
        }
    }

    fn many_words(&mut self, words: &[Words], glue: &str) -> String {
        let all: Vec<_> = words.iter().map(|words| self.words(words)).collect();
        format!("({})", all.join(glue))
    }
}

/// Values are kept as whole parts of `scale`; what lies beyond all of them is brought to their end.
fn floor(at: f64, scale: f64) -> (Bound, bool) {
    let nearest = (at * scale).round();
    #[expect(clippy::float_cmp, reason = "whether it is the very same number is the question")]
    let exact = nearest / scale == at && nearest.abs() < 9.2e18;
    (Bound::Whole(whole(if exact { nearest } else { (at * scale).floor() })), exact)
}

#[expect(clippy::cast_possible_truncation, reason = "the cast stops at the ends, which no kept value reaches")]
fn whole(number: f64) -> i64 {
    number as i64
}

fn escape(piece: &str) -> String {
    let mut out = String::with_capacity(piece.len() * 2);
    for character in piece.chars() {
        if character.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
