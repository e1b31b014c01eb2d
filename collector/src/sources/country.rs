//! The country of a request, from its address and a file of the operator.

use std::net::IpAddr;
use std::path::Path;

use anyhow::Context;
use maxminddb::{PathElement, Reader};

/// Where the files of MaxMind and others have the two letters.
const CODE: [PathElement<'_>; 2] = [PathElement::Key("country"), PathElement::Key("iso_code")];

/// A country as a number of ten bits: 0 if unknown, else its two letters (ISO 3166-1), each from 1 to 26.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Country(u32);

impl Country {
    /// Returns the country with these two letters; an unknown one for any other text.
    pub fn from_code(code: &str) -> Self {
        match code.as_bytes() {
            [first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
                Self(letter_number(*first) << 5 | letter_number(*second))
            }
            _ => Self::default(),
        }
    }

    /// Returns the country with this number.
    pub const fn from_number(number: u32) -> Self {
        Self(number & 0x3ff)
    }

    /// Returns the number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Returns the two letters in upper case; `None` if unknown.
    pub fn code(self) -> Option<String> {
        (self.0 != 0).then(|| [self.0 >> 5, self.0 & 0x1f].map(|number| char::from(b'@' + number as u8)).iter().collect())
    }
}

fn letter_number(letter: u8) -> u32 {
    u32::from(letter.to_ascii_uppercase() - b'@')
}

/// Finds countries in a file of MaxMind's format; without a file, none. The addresses are not stored.
#[derive(Default)]
pub struct Countries(Option<Reader<Vec<u8>>>);

impl Countries {
    /// Reads a file: GeoLite2 Country or City, or another one with `country.iso_code`.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let advice = "--geoip needs a file in MaxMind's format, such as GeoLite2-Country.mmdb";
        let reader = Reader::open_readfile(path).with_context(|| format!("cannot read {}: {advice}", path.display()))?;
        Ok(Self(Some(reader)))
    }

    /// Returns the country of an address.
    pub fn find(&self, address: IpAddr) -> Country {
        let code = || self.0.as_ref()?.lookup(address).ok()?.decode_path::<&str>(&CODE).ok()?;
        code().map_or_else(Country::default, Country::from_code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_two_letters_or_unknown() {
        for (text, code) in
            [("DE", Some("DE")), ("gb", Some("GB")), ("AA", Some("AA")), ("ZZ", Some("ZZ")), ("", None), ("D1", None), ("DEU", None)]
        {
            let country = Country::from_number(Country::from_code(text).number());
            assert_eq!(country.code().as_deref(), code, "{text}");
        }
    }
}
