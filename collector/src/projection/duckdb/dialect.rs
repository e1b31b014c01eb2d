//! The SQL of DuckDB where it differs from that of other engines.

use crate::metrics::query::Interval;
use crate::projection::sql::{Bound, Dialect};

/// The dialect of DuckDB. A time is a TIMESTAMP, a duration an INTERVAL.
pub struct DuckDb;

impl Dialect for DuckDb {
    fn table(&self, name: &str, _: Option<i64>) -> String {
        name.into()
    }

    fn placeholder(&self, number: usize, _: &Bound) -> String {
        format!("${number}")
    }

    fn sum_type(&self) -> &'static str {
        "HUGEINT"
    }

    fn time(&self, millis: i64) -> String {
        format!("make_timestamp({})", millis.saturating_mul(1_000))
    }

    fn duration(&self, millis: i64) -> String {
        format!("to_milliseconds({millis})")
    }

    fn millis(&self, time: &str) -> String {
        format!("epoch_ms({time})")
    }

    fn truncate(&self, interval: Interval, time: &str) -> String {
        let name = match interval {
            Interval::Hour => "hour",
            Interval::Day => "day",
            Interval::Week => "week",
            Interval::Month => "month",
            Interval::Year => "year",
        };
        format!("date_trunc('{name}', {time})")
    }

    fn month(&self, time: &str) -> String {
        format!("strftime({time}, '%Y-%m')")
    }

    fn quotient(&self, dividend: &str, divisor: &str) -> String {
        format!("(({dividend}) // ({divisor}))")
    }

    fn round(&self, number: &str) -> String {
        format!("round({number})")
    }

    fn sum(&self, value: &str) -> String {
        format!("sum({value})")
    }

    fn percentiles(&self, value: &str, parts: &str) -> String {
        format!("CAST(quantile_cont(CAST({value} AS DOUBLE), [{parts}]) AS DOUBLE[])")
    }

    fn no_percentiles(&self) -> &'static str {
        "CAST(NULL AS DOUBLE[])"
    }

    fn first_by(&self, value: &str, keys: &[&str]) -> String {
        format!("arg_min({value}, row({}))", keys.join(", "))
    }

    fn last_by(&self, value: &str, keys: &[&str]) -> String {
        format!("arg_max({value}, row({}))", keys.join(", "))
    }

    fn record(&self, members: &[(&str, String)]) -> String {
        let members: Vec<_> = members.iter().map(|(name, value)| format!("'{name}': {value}")).collect();
        format!("{{{}}}", members.join(", "))
    }

    fn join_texts(&self, list: &str, separator: &str) -> String {
        format!("array_to_string({list}, {separator})")
    }

    fn lower(&self, text: &str) -> String {
        format!("lower({text})")
    }

    fn contains(&self, text: &str, part: &str) -> String {
        format!("contains({text}, {part})")
    }

    fn matches(&self, text: &str, regex: &str) -> String {
        format!("regexp_matches({text}, {regex})")
    }

    fn list_contains(&self, list: &str, value: &str) -> String {
        format!("list_contains({list}, {value})")
    }

    fn list_has_any(&self, list: &str, values: &str) -> String {
        format!("list_has_any({list}, [{values}])")
    }

    fn unnest(&self, list: &str) -> String {
        format!("unnest({list})")
    }

    fn materialized(&self) -> &'static str {
        "MATERIALIZED "
    }

    fn keeps_attribution(&self) -> bool {
        true
    }

    fn join_links(&self, links: &str) -> (String, &'static str) {
        let on = "l.link_project = v.project AND l.link_visitor = v.visitor AND v.ended_at >= l.since AND v.ended_at < l.until";
        (format!(" LEFT JOIN {links} l ON {on}"), "l.link_email")
    }
}
