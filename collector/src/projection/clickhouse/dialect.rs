//! The SQL of ClickHouse where it differs from that of other engines.

use crate::metrics::query::Interval;
use crate::projection::clickhouse::snapshot::Snapshot;
use crate::projection::sql::{Bound, Dialect, Linked};
use crate::time::{DAY_MS, SECOND_MS};

/// The calendar repeats after 400 years.
const CYCLE_MS: i64 = 146_097 * DAY_MS;
/// The first time, the start of 1900, from which a whole cycle is in the range of the engine's calendar.
const CYCLE_START_MS: i64 = -25_567 * DAY_MS;
/// The Monday before 1970.
const MONDAY_MS: i64 = -3 * DAY_MS;

/// The dialect of ClickHouse. Times and durations are milliseconds.
pub(super) struct ClickHouse<'a>(pub(super) &'a Snapshot);

impl Dialect for ClickHouse<'_> {
    fn table(&self, name: &str, project: Option<i64>) -> String {
        let mut conditions = Vec::new();
        conditions.extend(project.map(|project| format!("project = {project}")));
        // Elements of arrays are always joined with their documents.
        if !name.contains("__") {
            conditions.push(self.0.visible_rows("doc"));
        }
        if name == "events" {
            conditions.push(format!("seq > {}", self.0.position.trimmed));
        }
        if conditions.is_empty() { name.into() } else { format!("(SELECT * FROM {name} WHERE {})", conditions.join(" AND ")) }
    }

    fn visible_rows(&self, alias: &str) -> Option<String> {
        Some(self.0.visible_rows(&format!("{alias}.doc")))
    }

    fn placeholder(&self, number: usize, value: &Bound) -> String {
        match value {
            // Exact, whatever the database's parser of numbers rounds.
            Bound::Number(value) => format!("reinterpretAsFloat64(toUInt64({}))", value.to_bits()),
            Bound::Text(_) | Bound::Integer(_) | Bound::Timestamp(_) => format!("{{p{number}:String}}"),
        }
    }

    fn sum_type(&self) -> &'static str {
        "Nullable(Int128)"
    }

    fn time(&self, millis: i64) -> String {
        millis.to_string()
    }

    fn duration(&self, millis: i64) -> String {
        format!("toInt64({millis})")
    }

    fn millis(&self, time: &str) -> String {
        time.into()
    }

    fn shift(&self, time: &str, millis: &str) -> String {
        format!("({time} + {millis})")
    }

    fn truncate(&self, interval: Interval, time: &str) -> String {
        let day = format!("positiveModulo({time}, {DAY_MS})");
        let of_calendar = |function: &str| format!("({time} - {day} - ({function}({}) - 1) * {DAY_MS})", calendar(time));
        match interval {
            Interval::Hour => format!("({time} - positiveModulo({time}, {}))", 3_600 * SECOND_MS),
            Interval::Day => format!("({time} - {day})"),
            Interval::Week => format!("({time} - positiveModulo({time} - ({MONDAY_MS}), {}))", 7 * DAY_MS),
            Interval::Month => of_calendar("toDayOfMonth"),
            Interval::Year => of_calendar("toDayOfYear"),
        }
    }

    fn month(&self, time: &str) -> String {
        let (calendar, cycle) = (calendar(time), in_cycle(time));
        let year = format!("toYear({calendar}) + 400 * intDiv({time} - {cycle}, {CYCLE_MS})");
        format!("concat(leftPad(toString({year}), 4, '0'), '-', leftPad(toString(toMonth({calendar})), 2, '0'))")
    }

    fn quotient(&self, dividend: &str, divisor: &str) -> String {
        format!("intDiv({dividend}, {divisor})")
    }

    fn round(&self, number: &str) -> String {
        // The engine's own function rounds halves to even numbers.
        format!("(trunc({number}) + if(abs({number} - trunc({number})) >= 0.5, sign({number}), 0))")
    }

    fn nullable(&self, value: &str) -> String {
        format!("toNullable({value})")
    }

    fn sum(&self, value: &str) -> String {
        format!("sum(toInt128({value}))")
    }

    fn percentiles(&self, value: &str, parts: &str) -> String {
        format!("CAST(quantilesExactInclusive({parts})(CAST({value} AS DOUBLE)) AS Array(Nullable(Float64)))")
    }

    fn no_percentiles(&self) -> &'static str {
        "[]"
    }

    fn first_by(&self, value: &str, keys: &[&str]) -> String {
        format!("argMin({value}, tuple({}))", keys.join(", "))
    }

    fn last_by(&self, value: &str, keys: &[&str]) -> String {
        format!("argMax({value}, tuple({}))", keys.join(", "))
    }

    fn record(&self, members: &[(&str, String)]) -> String {
        let values: Vec<_> = members.iter().map(|(_, value)| value.as_str()).collect();
        let types: Vec<_> = members.iter().map(|(name, _)| format!("{name} Nullable(String)")).collect();
        format!("CAST(tuple({}), 'Tuple({})')", values.join(", "), types.join(", "))
    }

    fn join_texts(&self, list: &str, separator: &str) -> String {
        // The function needs a constant.
        format!("arrayStringConcat(arrayMap((x, i) -> if(i = 1, x, concat({separator}, x)), {list}, arrayEnumerate({list})), '')")
    }

    fn fold(&self, text: &str) -> String {
        format!("replaceAll(lowerUTF8({text}), 'ς', 'σ')")
    }

    fn contains(&self, text: &str, part: &str) -> String {
        format!("(position({text}, {part}) > 0)")
    }

    fn matches(&self, text: &str, regex: &str) -> String {
        format!("match({text}, {regex})")
    }

    fn list_contains(&self, list: &str, value: &str) -> String {
        format!("has({list}, {value})")
    }

    fn list_has_any(&self, list: &str, values: &str) -> String {
        format!("hasAny({list}, [{values}])")
    }

    fn unnest(&self, list: &str) -> String {
        format!("arrayJoin({list})")
    }

    fn exists(&self, pairs: &[(String, String)], from: &str, condition: &str) -> String {
        let [outside, inside] = [|pair: &(String, String)| pair.0.clone(), |pair: &(String, String)| pair.1.clone()]
            .map(|part: fn(&(String, String)) -> String| pairs.iter().map(part).collect::<Vec<_>>().join(", "));
        let outside = if pairs.len() > 1 { format!("tuple({outside})") } else { outside };
        format!("({outside} IN (SELECT {inside} FROM {from} WHERE {condition}))")
    }

    fn join_links(&self, links: &str, linked: Linked) -> (String, &'static str) {
        let join = |time: &str| {
            format!(" ASOF LEFT JOIN {links} l ON l.link_project = v.project AND l.link_visitor = v.visitor AND v.{time} >= l.since")
        };
        match linked {
            Linked::Visits => (join("ended_at"), "CASE WHEN v.ended_at < l.until THEN l.link_email END"),
            Linked::Events => (join("time"), "CASE WHEN v.time < l.until THEN l.link_email END"),
        }
    }
}

/// Returns a time as one of the engine's calendar, with the same day and month, and a year that differs by a multiple of 400.
fn calendar(time: &str) -> String {
    format!("fromUnixTimestamp64Milli({}, 'UTC')", in_cycle(time))
}

fn in_cycle(time: &str) -> String {
    format!("CAST(positiveModulo({time} - ({CYCLE_START_MS}), {CYCLE_MS}) + ({CYCLE_START_MS}) AS BIGINT)")
}
