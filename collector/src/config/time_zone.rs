//! The time zone in which the reports count days.

use std::fmt;
use std::str::FromStr;

use crate::metrics::time_zone::Zone;

/// The IANA name of a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneName(String);

impl FromStr for ZoneName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Zone::find(name).ok_or_else(|| format!("`{name}` is no time zone: use a name of the IANA database, like Europe/Berlin"))?;
        Ok(Self(name.to_owned()))
    }
}

impl Default for ZoneName {
    fn default() -> Self {
        Self("UTC".into())
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_database_are_zones() {
        assert_eq!("Europe/Sofia".parse::<ZoneName>().unwrap().to_string(), "Europe/Sofia");
        for text in ["", "Sofia", "+02:00"] {
            assert!(text.parse::<ZoneName>().is_err(), "{text}");
        }
    }
}
