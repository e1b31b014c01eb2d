//! The currency of amounts that arrive without one: an API for shops with one currency need not name it.

use std::str::FromStr;

/// The ISO 4217 code of a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Currency(String);

impl Currency {
    /// Returns the code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Currency {
    type Err = String;

    fn from_str(code: &str) -> Result<Self, String> {
        let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
        if is_code { Ok(Self(code.to_ascii_uppercase())) } else { Err(format!("`{code}` is no currency: use its three letters, like EUR")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currency_has_three_letters() {
        assert_eq!("eur".parse::<Currency>().map(|currency| currency.as_str().to_owned()), Ok("EUR".into()));
        for text in ["", "€", "EURO", "1.0"] {
            assert!(text.parse::<Currency>().is_err(), "{text}");
        }
    }
}
