//! Time zones of queries, by their IANA names.

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, AmbiguousTimestamp, Offset, TimeZone};

/// A time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Returns the zone with this IANA name, such as `Europe/Berlin`.
    pub fn find(name: &str) -> Option<Self> {
        // The database also has names of its own for the local zone of the machine.
        let is_name = !name.is_empty() && !name.starts_with(['/', '.']) && !name.eq_ignore_ascii_case("local");
        TimeZone::get(name).ok().filter(|_| is_name).map(Self)
    }

    /// Returns the instant at which clocks of the zone show this time; both in milliseconds since 1970. Of a time that occurs twice, the first is
    /// meant. For a time that clocks skip, it is the instant at which they are put forward.
    pub fn instant(&self, local: i64) -> i64 {
        self.resolve(local, AmbiguousTimestamp::earlier).unwrap_or_else(|change| change)
    }

    /// Returns the last instant of a period that ends with this time and contains `unit` milliseconds of it. Of a time that occurs twice, the
    /// second is meant: the period has both. For a time that clocks skip, the period ends when they are put forward.
    pub fn last_instant(&self, local: i64, unit: i64) -> i64 {
        self.resolve(local, AmbiguousTimestamp::later).unwrap_or_else(|change| change - unit)
    }

    /// Returns the instant of a time, or the one at which clocks skip it.
    fn resolve(&self, local: i64, choose: fn(AmbiguousTimestamp) -> Result<Timestamp, jiff::Error>) -> Result<i64, i64> {
        let Ok(date) = Timestamp::from_millisecond(local).map(|time| Offset::UTC.to_datetime(time)) else { return Ok(local) };
        let found = self.0.to_ambiguous_timestamp(date);
        if let (AmbiguousOffset::Gap { .. }, Ok(before)) = (found.offset(), found.earlier())
            && let Some(change) = self.0.following(before).next()
        {
            return Err(change.timestamp().as_millisecond());
        }
        Ok(choose(found).map_or(local, Timestamp::as_millisecond))
    }

    /// Returns the offsets that apply between two instants: each with the first instant at which it applies. All in milliseconds.
    pub fn offsets(&self, from: i64, until: i64) -> Vec<(i64, i64)> {
        let Ok(start) = Timestamp::from_millisecond(from) else { return Vec::new() };
        let millis = |offset: Offset| i64::from(offset.seconds()) * 1_000;
        let mut offsets = vec![(from, millis(self.0.to_offset(start)))];
        let changes = self.0.following(start).take_while(|change| change.timestamp().as_millisecond() <= until);
        offsets.extend(changes.map(|change| (change.timestamp().as_millisecond(), millis(change.offset()))));
        offsets
    }

    /// Returns the time that clocks of the zone show at an instant; both in milliseconds since 1970.
    pub fn local(&self, instant: i64) -> i64 {
        self.offsets(instant, instant).first().map_or(instant, |(_, offset)| instant + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_rfc3339;

    fn at(text: &str) -> i64 {
        parse_rfc3339(text).unwrap().millis
    }

    #[test]
    fn days_of_a_zone_begin_at_its_midnight_in_summer_and_winter() {
        let berlin = Zone::find("Europe/Berlin").unwrap();
        for (local, instant) in [
            ("2022-06-01T00:00:00Z", "2022-05-31T22:00:00Z"),
            ("2022-01-01T00:00:00Z", "2021-12-31T23:00:00Z"),
            ("2022-03-27T02:30:00Z", "2022-03-27T01:00:00Z"),
            ("2022-10-30T02:30:00Z", "2022-10-30T00:30:00Z"),
        ] {
            assert_eq!(berlin.instant(at(local)), at(instant), "{local}");
        }
        assert_eq!(berlin.last_instant(at("2022-10-30T02:30:00Z"), 1_000), at("2022-10-30T01:30:00Z"));
        assert_eq!(berlin.last_instant(at("2022-03-27T02:30:00Z"), 1_000), at("2022-03-27T00:59:59Z"));
        assert_eq!(berlin.local(at("2022-05-31T22:00:00Z")), at("2022-06-01T00:00:00Z"));
        let hours: Vec<_> = berlin.offsets(at("2022-01-01T00:00:00Z"), at("2023-01-01T00:00:00Z"));
        assert_eq!(hours.iter().map(|(_, offset)| offset / 3_600_000).collect::<Vec<_>>(), [1, 2, 1]);
        for name in ["", "Berlin", "Europe/Nowhere", "+02:00", "local", "../etc/passwd"] {
            assert_eq!(Zone::find(name), None, "{name}");
        }
    }
}
