//! What differs between the SQL of the engines.
//!
//! Everything else is one text for all of them. It keeps to what they share: identifiers without quotes, explicit names of columns, equality
//! in joins, and casts that keep NULL.

use crate::metrics::query::Interval;
use crate::projection::sql::statement::Bound;

/// What has numbers, by which an engine can count faster than by texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbered {
    /// Visits.
    Visits,
    /// People: visitor ids and e-mails.
    People,
}

/// What is joined with the links of its visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// A visit, with the link at its end.
    Visits,
    /// An event, with the link at its time.
    Events,
}

/// A dialect of SQL.
///
/// A *time* is an expression of the type that stores times, and a *duration* one that can be added to it. Methods get and return
/// expressions, unless they are described otherwise.
pub trait Dialect {
    /// Returns the relation of a table's rows, without an alias. It may leave out rows of other projects.
    fn table(&self, name: &str, project: Option<i64>) -> String;

    /// Returns the condition on rows of a table of records, with this alias, that makes it the relation of [`table`](Self::table); `None` if
    /// the relation must be used. The database plans a statement faster whose tables are no subqueries.
    fn visible_rows(&self, _alias: &str) -> Option<String> {
        None
    }

    /// Returns the expression for the bound value with this number, counted from one.
    fn placeholder(&self, number: usize, value: &Bound) -> String;

    /// Returns the type of exact sums.
    fn sum_type(&self) -> &'static str;

    /// Returns a time, given in milliseconds since 1970.
    fn time(&self, millis: i64) -> String;

    /// Returns a duration, given in milliseconds.
    fn duration(&self, millis: i64) -> String;

    /// Returns the milliseconds since 1970 of a time.
    fn millis(&self, time: &str) -> String;

    /// Returns a time moved by milliseconds, an expression too.
    fn shift(&self, time: &str, millis: &str) -> String;

    /// Returns the start of the interval that contains a time, as a time or a date.
    fn truncate(&self, interval: Interval, time: &str) -> String;

    /// Returns the year and the month of a time, such as `2022-06`.
    fn month(&self, time: &str) -> String;

    /// Returns the quotient of two integers, rounded towards zero.
    fn quotient(&self, dividend: &str, divisor: &str) -> String;

    /// Returns a number rounded to an integer, halves away from zero.
    fn round(&self, number: &str) -> String;

    /// Returns a value with a type that includes NULL, so that aggregates without values are NULL.
    fn nullable(&self, value: &str) -> String {
        value.into()
    }

    /// Returns the sum of integers without overflow; NULL without values.
    fn sum(&self, value: &str) -> String;

    /// Returns how many different ones there are among the numbers of visits or people, in each bucket. `buckets` is about how many there are, if
    /// that is known.
    fn count_numbers(&self, _: Numbered, numbers: &str, _buckets: Option<i64>) -> String {
        format!("count(DISTINCT {numbers})")
    }

    /// Whether visits and links also have the numbers of their people, `visitor_number` and `email_number`.
    fn numbers_people(&self) -> bool {
        false
    }

    /// Returns the list of these percentiles, interpolated linearly.
    fn percentiles(&self, value: &str, parts: &str) -> String;

    /// Returns the value in place of a list of percentiles, of the same type.
    fn no_percentiles(&self) -> &'static str;

    /// Returns the value of the row with the smallest keys, among those with a value. Keys are not NULL.
    fn first_by(&self, value: &str, keys: &[&str]) -> String;

    /// Returns the value of the row with the largest keys, among those with a value. Keys are not NULL.
    fn last_by(&self, value: &str, keys: &[&str]) -> String;

    /// Returns a value with named members, which are strings or NULL. `x.name` is a member of such a column `x`.
    fn record(&self, members: &[(&str, String)]) -> String;

    /// Returns the strings of a list as one text with this separator.
    fn join_texts(&self, list: &str, separator: &str) -> String;

    /// Returns a text in lower case, with one form of the small sigma, as `search_query::fold` does.
    fn fold(&self, text: &str) -> String;

    /// Whether a text contains another one.
    fn contains(&self, text: &str, part: &str) -> String;

    /// Whether a regular expression matches a part of a text.
    fn matches(&self, text: &str, regex: &str) -> String;

    /// Whether a list contains a value.
    fn list_contains(&self, list: &str, value: &str) -> String;

    /// Whether a list contains one of the values, which are separated by commas.
    fn list_has_any(&self, list: &str, values: &str) -> String;

    /// Whether a text is one of a few values, which are separated by commas. The column has few different texts.
    fn is_listed(&self, text: &str, values: &str) -> String {
        format!("{text} IN ({values})")
    }

    /// Returns one row for each element of a list, as an expression of a SELECT.
    fn unnest(&self, list: &str) -> String;

    /// Returns the words before the definition of a common table expression that several parts of a statement use.
    fn materialized(&self) -> &'static str {
        ""
    }

    /// Whether a row of `from` exists that meets the condition and whose expressions are equal to those outside, given as pairs of (outside,
    /// inside).
    fn exists(&self, pairs: &[(String, String)], from: &str, condition: &str) -> String {
        let on: Vec<_> = pairs.iter().map(|(outside, inside)| format!("{inside} = {outside}")).collect();
        format!("EXISTS (SELECT 1 FROM {from} WHERE {} AND {condition})", on.join(" AND "))
    }

    /// Whether the engine keeps the attribution of orders and the visits with orders in the tables `order_attribution` and `ordered_visits`, and
    /// has them complete when a query reads them that [uses them](crate::projection::sql::uses_attribution).
    fn keeps_attribution(&self) -> bool {
        false
    }

    /// Returns the join of visits or events, `v`, with the link `l` of the relation `links` that applies to the visitor then, and the
    /// e-mail of that link. The relation has the columns `link_project`, `link_visitor`, `since`, `until` and `link_email`, and the
    /// [numbers](Self::numbers_people) of visitor and e-mail as `link_visitor_number` and `link_email_number`.
    fn join_links(&self, links: &str, linked: Linked) -> (String, &'static str);
}
