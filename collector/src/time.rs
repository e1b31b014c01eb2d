//! Times as milliseconds since 1970 (UTC), read from and written as RFC 3339. The calendar is that of `jiff`.
//!
//! One leniency: a day that its month does not have is read as the month's last day, because the upstream documentation itself uses
//! 31 November.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

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
    let (date, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let (time, tail) = time.split_at_checked(8)?;
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = fields(time, ':', [2, 2, 2])?;
    let (fraction, zone) = match tail.strip_prefix('.') {
        Some(tail) => tail.split_at(tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len())),
        None => ("0", tail),
    };
    let first = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
    if !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let day = i8::try_from(day).ok()?.min(first.days_in_month());
    let midnight = Date::new(first.year(), first.month(), day).ok()?.at(0, 0, 0, 0);
    let in_day = ((hour * 60 + minute) * 60 + second) * SECOND_MS + fraction_ms(fraction)?;
    let millis = Offset::UTC.to_timestamp(midnight).ok()?.as_millisecond() + in_day - offset_ms(zone)?;
    (MIN_MS..=MAX_MS).contains(&millis).then_some(ParsedTime { millis, has_fraction: tail.starts_with('.') })
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

/// Parses three numbers of fixed widths with a separator between them.
fn fields(text: &str, separator: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).zip(widths).map(|(part, width)| digits(part).filter(|_| part.len() == width));
    let all = [parts.next()??, parts.next()??, parts.next()??];
    (text.matches(separator).count() == 2).then_some(all)
}

fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn fraction_ms(fraction: &str) -> Option<i64> {
    (!fraction.is_empty()).then_some(())?;
    let three: String = fraction.chars().chain("00".chars()).take(3).collect();
    digits(&three)
}

fn offset_ms(zone: &str) -> Option<i64> {
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
    let has_two_digits_each = hours.len() == 2 && minutes.len() == 2;
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (has_two_digits_each && hours < 24 && minutes < 60).then(|| sign * (hours * 60 + minutes) * 60 * SECOND_MS)
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
