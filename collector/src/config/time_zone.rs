//! The time zone in which the reports count days.

use std::str::FromStr;

use crate::metrics::time_zone::Zone;

/// A value of `--time-zone`: an IANA name, after a project's token and `=` for that project only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone {
    token: Option<String>,
    name: String,
}

impl FromStr for TimeZone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (token, name) = match text.split_once('=') {
            Some((token, name)) => (Some(token.trim().to_owned()), name.trim()),
            None => (None, text.trim()),
        };
        Zone::find(name).ok_or_else(|| format!("`{name}` is no time zone: use a name of the IANA database, like Europe/Berlin"))?;
        Ok(Self { token, name: name.to_owned() })
    }
}

/// Returns the IANA name of a project's zone: its own, else that of all projects, else `UTC`.
pub fn of_project<'a>(zones: &'a [TimeZone], token: &str) -> &'a str {
    let with = |token: Option<&str>| zones.iter().find(|zone| zone.token.as_deref() == token);
    with(Some(token)).or_else(|| with(None)).map_or("UTC", |zone| &zone.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_of_a_project_precedes_that_of_all() {
        let zones: Vec<TimeZone> = ["Europe/Sofia", "a = Asia/Tokyo"].map(|text| text.parse().unwrap()).to_vec();
        assert_eq!([of_project(&zones, "a"), of_project(&zones, "b"), of_project(&[], "a")], ["Asia/Tokyo", "Europe/Sofia", "UTC"]);
        for text in ["", "a=", "Sofia", "+02:00"] {
            assert!(text.parse::<TimeZone>().is_err(), "{text}");
        }
    }
}
