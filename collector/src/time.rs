//! Times as milliseconds since 1970 (UTC), read from and written as RFC 3339. The calendar is that of `jiff`.
//!
//! One leniency: a day that its month does not have is read as the month's last day, because the upstream documentation itself uses
//! 31 November.

use jiff::Timestamp;
use jiff::civil::Date;

/// Milliseconds of a second.
pub const SECOND_MS: i64 = 1000;
/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400 * SECOND_MS;

/// The last millisecond that is accepted and can be written: the end of the year 9999, less a day for the largest offset.
const MAX_MS: i64 = 253_402_300_799_999 - DAY_MS;
/// The first one: a day before 1970.
const MIN_MS: i64 = -DAY_MS;

/// Times from here on, in milliseconds, are after the year 5100: their unit is a smaller one.
const MIN_MICROSECONDS: u64 = 100_000_000_000_000;
/// Likewise, microseconds from here on are nanoseconds.
const MIN_NANOSECONDS: u64 = MIN_MICROSECONDS * 1_000;

/// Returns the unit of a time that must be in milliseconds, if it is a smaller one.
pub fn small_unit(time: u64) -> Option<&'static str> {
    match time {
        MIN_NANOSECONDS.. => Some("nanoseconds"),
        MIN_MICROSECONDS.. => Some("microseconds"),
        _ => None,
    }
}

/// A time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsedTime {
    /// Milliseconds since 1970.
    pub millis: i64,
    /// Whether the text has a fraction of a second.
    pub has_fraction: bool,
}

/// Parses `2022-06-27T06:01:32Z`, with or without a fraction, with `Z` or an offset such as `+02:00` or `+0200`.
///
/// Fractions are cut to milliseconds. Returns None for any other form and for times before 1970 or after the year 9999.
pub fn parse_rfc3339(text: &str) -> Option<ParsedTime> {
    parse_of_any_year(text).filter(|time| (MIN_MS..=MAX_MS).contains(&time.millis))
}

/// Like [`parse_rfc3339`], from the year 0 on.
pub fn parse_of_any_year(text: &str) -> Option<ParsedTime> {
    let (date_time, tail) = text.as_bytes().split_at_checked(19)?;
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b't' | b' ', h1, h2, b':', n1, n2, b':', s1, s2] = date_time else {
        return None;
    };
    let (year, month, day) = (digits(&[y1, y2, y3, y4])?, digits(&[m1, m2])?, digits(&[d1, d2])?);
    let (hour, minute, second) = (digits(&[h1, h2])?, digits(&[n1, n2])?, digits(&[s1, s2])?);
    let (fraction, zone) = match tail {
        [b'.', tail @ ..] => tail.split_at(tail.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(tail.len())),
        _ => (&b"0"[..], tail),
    };
    let first = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
    if !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let day = i8::try_from(day).ok()?.min(first.days_in_month());
    let midnight = Date::new(first.year(), first.month(), day).ok()?.at(0, 0, 0, 0);
    let in_day = ((hour * 60 + minute) * 60 + second) * SECOND_MS + fraction_ms(fraction)?;
    // Timestamps end a day before the calendar does.
    let millis = midnight.duration_since(Date::constant(1970, 1, 1).at(0, 0, 0, 0)).as_secs() * SECOND_MS + in_day - offset_ms(zone)?;
    Some(ParsedTime { millis, has_fraction: tail.starts_with(b".") })
}

/// Formats a time as `2022-06-27T06:01:32.361Z`.
pub fn format_rfc3339_millis(millis: i64) -> String {
    format!("{:.3}", timestamp(millis))
}

/// Formats a time as `2022-06-27T06:01:32Z`, without the fraction of its second.
pub fn format_rfc3339_secs(millis: i64) -> String {
    format!("{:.0}", timestamp(millis))
}

/// Returns the midnight (UTC) at which the day of this time began.
pub fn start_of_day(millis: i64) -> i64 {
    millis - millis.rem_euclid(DAY_MS)
}

/// Times that the calendar cannot hold are written as its last or first one.
fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// Returns the number that these digits are.
fn digits(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

/// Returns the first three digits after the point as milliseconds. Those that are missing are zeros.
fn fraction_ms(fraction: &[u8]) -> Option<i64> {
    let digit = |at| fraction.get(at).copied().unwrap_or(b'0');
    if fraction.is_empty() { None } else { digits(&[digit(0), digit(1), digit(2)]) }
}

fn offset_ms(zone: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match *zone {
        [b'Z' | b'z'] => return Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            (sign, digits(&[h1, h2])?, digits(&[m1, m2])?)
        }
        _ => return None,
    };
    let offset = (hours * 60 + minutes) * 60 * SECOND_MS;
    (hours < 24 && minutes < 60).then_some(if sign == b'-' { -offset } else { offset })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_parsed_with_the_documented_leniency_only() {
        for (text, short) in [
            ("2022-11-31T23:59:00Z", Some("2022-11-30T23:59:00Z")),
            ("2023-02-30T00:00:00Z", Some("2023-02-28T00:00:00Z")),
            ("2024-02-30T00:00:00.999Z", Some("2024-02-29T00:00:00Z")),
            ("2022-01-01T00:30:00+01:00", Some("2021-12-31T23:30:00Z")),
            ("2022-01-01T00:30:00-0100", Some("2022-01-01T01:30:00Z")),
            ("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00Z")),
            ("9999-12-30T21:59:59Z", Some("9999-12-30T21:59:59Z")),
            ("9999-12-31T23:59:59Z", None),
            ("1969-12-30T23:59:59Z", None),
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
            assert_eq!(parse_rfc3339(text).map(|time| format_rfc3339_secs(time.millis)).as_deref(), short, "{text}");
        }
        assert_eq!(parse_rfc3339("2022-06-27T06:01:32.36Z"), Some(ParsedTime { millis: 1_656_309_692_360, has_fraction: true }));
    }

    #[test]
    fn times_are_formatted_in_utc() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_518_004_715_732, "2018-02-07T11:58:35.732Z"),
            (1_656_309_692_361, "2022-06-27T06:01:32.361Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        ] {
            assert_eq!(format_rfc3339_millis(millis), text);
            assert_eq!(format_rfc3339_secs(millis), format!("{}Z", &text[..19]));
        }
    }

    proptest! {
        #[test]
        fn formatted_times_are_parsed_to_the_same_time(millis in 0_i64..MAX_MS) {
            prop_assert_eq!(parse_rfc3339(&format_rfc3339_millis(millis)).map(|time| time.millis), Some(millis));
        }
    }
}
