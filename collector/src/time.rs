//! Points in time, in milliseconds since 1970, and how they are written. Everything is UTC.
//!
//! One leniency: a day that its month does not have means the month's last day, because the upstream documentation itself asks for
//! 31 November.

use std::fmt::Write;

/// Milliseconds of a second.
pub const SECOND: i64 = 1000;
/// Milliseconds of a day.
pub const DAY: i64 = 86_400 * SECOND;

/// The farthest that this program reckons: the year 9999.
const LATEST: i64 = 253_402_300_799_999;

/// A point in time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Milliseconds since 1970.
    pub millis: i64,
    /// Whether fractions of its second were written.
    pub has_fraction: bool,
}

/// Reads `2022-06-27T06:01:32Z`, with or without a fraction, with `Z` or an offset such as `+02:00`.
pub fn parse(text: &str) -> Option<Written> {
    let (date, rest) = text.split_at_checked(10)?;
    let (year, month, day) = (digits(date.get(..4)?)?, digits(date.get(5..7)?)?, digits(date.get(8..)?)?);
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, tail) = time.split_at_checked(8)?;
    let (hour, minute, second) = (digits(clock.get(..2)?)?, digits(clock.get(3..5)?)?, digits(clock.get(6..)?)?);
    let marks = [date.as_bytes().get(4), date.as_bytes().get(7), clock.as_bytes().get(2), clock.as_bytes().get(5)];
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    if marks != [Some(&b'-'), Some(&b'-'), Some(&b':'), Some(&b':')] || !in_range {
        return None;
    }
    let (fraction, zone) = match tail.strip_prefix('.') {
        Some(tail) => tail.split_at(tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len())),
        None => ("0", tail),
    };
    let days = days_before(year, month) + day.min(days_of(year, month)) - 1;
    let millis = days * DAY + ((hour * 60 + minute) * 60 + second) * SECOND + thousandths(fraction)? - offset(zone)?;
    (0..=LATEST).contains(&(millis + DAY)).then_some(Written { millis, has_fraction: tail.starts_with('.') })
}

/// Writes `2022-06-27T06:01:32.361Z`.
pub fn to_text(millis: i64) -> String {
    let mut out = seconds_to_text(millis);
    let _ = write!(out, ".{:03}Z", millis.rem_euclid(SECOND));
    out
}

/// Writes `2022-06-27T06:01:32Z`, the form in which requests are written.
pub fn to_short_text(millis: i64) -> String {
    seconds_to_text(millis) + "Z"
}

fn seconds_to_text(millis: i64) -> String {
    let (year, month, day) = date(millis.div_euclid(DAY));
    let second = millis.rem_euclid(DAY) / SECOND;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// Returns the midnight at which this day began.
pub fn midnight(millis: i64) -> i64 {
    millis - millis.rem_euclid(DAY)
}

/// Returns the year, month and day that lie so many days after the first of 1970.
pub fn date(days: i64) -> (i64, i64, i64) {
    // Years that begin in March have their odd day at the end; 719,468 days lie between the first of March of year 0 and 1970.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Returns how many days after the first of 1970 a month begins.
pub fn days_before(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

fn days_of(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_before(next_year, next) - days_before(year, month)
}

fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn thousandths(fraction: &str) -> Option<i64> {
    (!fraction.is_empty()).then_some(())?;
    let three: String = fraction.chars().chain("00".chars()).take(3).collect();
    digits(&three)
}

fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.bytes().next()? {
        b'Z' | b'z' if zone.len() == 1 => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = match zone.get(1..)?.split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None => zone.get(1..)?.split_at_checked(2)?,
    };
    let fits = hours.len() == 2 && minutes.len() == 2;
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    // Only then can it be reckoned with: the digits may be as many as a number holds.
    (fits && hours < 24 && minutes < 60).then(|| sign * (hours * 60 + minutes) * 60 * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_read_leniently_where_that_is_decided() {
        for (text, short) in [
            ("2022-11-31T23:59:00Z", Some("2022-11-30T23:59:00Z")),
            ("2023-02-30T00:00:00Z", Some("2023-02-28T00:00:00Z")),
            ("2024-02-30T00:00:00.999Z", Some("2024-02-29T00:00:00Z")),
            ("2022-01-01T00:30:00+01:00", Some("2021-12-31T23:30:00Z")),
            ("2022-01-01T00:30:00-0100", Some("2022-01-01T01:30:00Z")),
            ("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00Z")),
            ("2022-01-32T00:00:00Z", None),
            ("2022-13-01T00:00:00Z", None),
            ("2022-01-01", None),
            ("2022-01-01T00:00:00", None),
            ("2022-01-01T24:00:00Z", None),
            ("2022-01-01T00:00:00.Z", None),
            ("2022-01-01T00:00:00Zx", None),
            ("2022-1-01T00:00:00Z1", None),
            ("2022-01-01T00:00:00-67440737095516162", None),
            ("+022-01-01T00:00:00Z", None),
            ("äääääääääääääää", None),
            ("", None),
        ] {
            assert_eq!(parse(text).map(|written| to_short_text(written.millis)).as_deref(), short, "{text}");
        }
        assert_eq!(parse("2022-06-27T06:01:32.36Z"), Some(Written { millis: 1_656_309_692_360, has_fraction: true }));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(millis in 0_i64..LATEST - DAY) {
            prop_assert_eq!(parse(&to_text(millis)).map(|written| written.millis), Some(millis));
            let (year, month, day) = date(millis.div_euclid(DAY));
            prop_assert_eq!(days_before(year, month) + day - 1, millis.div_euclid(DAY));
        }
    }
}
