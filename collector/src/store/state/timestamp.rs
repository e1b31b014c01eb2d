//! Formats a time as RFC 3339: `2022-06-27T06:01:32.361Z`.

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Returns the text for a time in milliseconds since 1970, in UTC.
pub(super) fn format_rfc3339(millis: u64) -> String {
    let (year, month, day) = date(millis / DAY_MS);
    let rest = millis % DAY_MS;
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest % 1_000)
}

/// Returns the date for a number of days since 1970. Years are counted from March, so that a leap day is the last day of its year.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (400 * era + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_formatted_in_utc() {
        for (millis, printed) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_518_004_715_732, "2018-02-07T11:58:35.732Z"),
            (1_656_309_692_361, "2022-06-27T06:01:32.361Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        ] {
            assert_eq!(format_rfc3339(millis), printed);
        }
    }
}
