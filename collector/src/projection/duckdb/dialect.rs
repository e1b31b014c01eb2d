//! The SQL of DuckDB where it differs from that of other engines.

use duckdb::Connection;

use crate::metrics::query::Interval;
use crate::projection::sql::{Bound, Dialect, Linked, Numbered};

/// The most memory for sets of numbers in one thread of a statement, in bits.
const MAX_BITS: i64 = 8 * (64 << 20);

/// The dialect of DuckDB. A time is a TIMESTAMP, a duration an INTERVAL. The default is for statements that count neither visits nor people.
#[derive(Default)]
pub struct DuckDb {
    last_visit: i64,
    last_person: i64,
}

impl DuckDb {
    /// Returns the dialect for statements of this transaction.
    pub(super) fn of(transaction: &Connection) -> duckdb::Result<Self> {
        let last = "SELECT (SELECT max(number) FROM visits), (SELECT max(number) FROM person_numbers)";
        let number = |row: &duckdb::Row<'_>, at| row.get::<_, Option<i64>>(at).map(Option::unwrap_or_default);
        transaction.query_row(last, [], |row| Ok(Self { last_visit: number(row, 0)?, last_person: number(row, 1)? }))
    }
}

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

    /// Numbers: adding an INTERVAL takes the engine twice as long as all the rest of a breakdown by day.
    fn shift(&self, time: &str, millis: &str) -> String {
        format!("make_timestamp(epoch_us({time}) + 1000 * CAST({millis} AS BIGINT))")
    }

    /// A date, from a day on: the engine truncates and groups dates in half the time of timestamps.
    fn truncate(&self, interval: Interval, time: &str) -> String {
        let date = format!("CAST({time} AS DATE)");
        match interval {
            Interval::Hour => format!("date_trunc('hour', {time})"),
            Interval::Day => date,
            Interval::Week => format!("date_trunc('week', {date})"),
            Interval::Month => format!("date_trunc('month', {date})"),
            Interval::Year => format!("date_trunc('year', {date})"),
        }
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

    /// A bit for each number takes the engine a fraction of the time of a set of numbers.
    fn count_numbers(&self, numbered: Numbered, numbers: &str, buckets: Option<i64>) -> String {
        let last = match numbered {
            Numbered::Visits => self.last_visit,
            Numbered::People => self.last_person,
        };
        match buckets {
            Some(buckets) if last > 0 && buckets.saturating_mul(last) <= MAX_BITS => {
                format!("coalesce(bit_count(bitstring_agg({numbers}, 1, {last})), 0)")
            }
            _ => format!("count(DISTINCT {numbers})"),
        }
    }

    fn numbers_people(&self) -> bool {
        true
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

    fn fold(&self, text: &str) -> String {
        format!("replace(lower({text}), 'ς', 'σ')")
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

    /// A function of the text: the engine calls it once for each different text of a block. An IN with several values becomes a join with every row.
    fn is_listed(&self, text: &str, values: &str) -> String {
        format!("list_contains([{values}], {text})")
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

    fn join_links(&self, links: &str, linked: Linked) -> (String, &'static str) {
        let on = match linked {
            Linked::Visits => "l.link_visitor_number = v.visitor_number AND v.ended_at >= l.since AND v.ended_at < l.until",
            // Events have no numbers of people.
            Linked::Events => "l.link_project = v.project AND l.link_visitor = v.visitor AND v.time >= l.since AND v.time < l.until",
        };
        (format!(" LEFT JOIN {links} l ON {on}"), "l.link_email")
    }
}
