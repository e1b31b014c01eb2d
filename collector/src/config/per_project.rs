//! A setting that a project may have of its own: `VALUE` for all projects, `TOKEN=VALUE` for one.

use std::str::FromStr;

/// A value of such a setting, and the token of the project that it is for; without a token it is for all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerProject<T> {
    token: Option<String>,
    value: T,
}

impl<T: FromStr<Err = String>> FromStr for PerProject<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (token, value) = match text.split_once('=') {
            Some((token, value)) => (Some(token.trim().to_owned()), value),
            None => (None, text),
        };
        Ok(Self { token, value: value.trim().parse()? })
    }
}

/// Returns the value of a project: its own, else that of all projects.
pub fn of_project<'a, T>(values: &'a [PerProject<T>], token: &str) -> Option<&'a T> {
    let with = |token: Option<&str>| values.iter().find(|value| value.token.as_deref() == token);
    with(Some(token)).or_else(|| with(None)).map(|found| &found.value)
}

/// Returns an error if two of the values are for the same project, or for all projects.
pub fn check<T>(flag: &str, values: &[PerProject<T>]) -> anyhow::Result<()> {
    for (index, value) in values.iter().enumerate() {
        if values.iter().take(index).any(|other| other.token == value.token) {
            match &value.token {
                Some(token) => anyhow::bail!("{flag} has two values for the project `{token}`; leave one"),
                None => anyhow::bail!("{flag} has two values for all projects; write TOKEN=VALUE for a value of one project"),
            }
        }
    }
    Ok(())
}

/// Returns the tokens that have a value of their own.
pub fn tokens<T>(values: &[PerProject<T>]) -> impl Iterator<Item = &str> {
    values.iter().filter_map(|value| value.token.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::currency::Currency;
    use crate::config::time_zone::ZoneName;

    #[test]
    fn value_of_a_project_precedes_that_of_all() {
        let zones: Vec<PerProject<ZoneName>> = ["Europe/Sofia", "a = Asia/Tokyo"].map(|text| text.parse().unwrap()).to_vec();
        let names = ["a", "b"].map(|token| of_project(&zones, token).map(ToString::to_string));
        assert_eq!(names, [Some("Asia/Tokyo".to_owned()), Some("Europe/Sofia".to_owned())]);
        assert_eq!(of_project::<ZoneName>(&[], "a"), None);
        let currencies: Vec<PerProject<Currency>> = ["b=usd"].map(|text| text.parse().unwrap()).to_vec();
        let codes = ["a", "b"].map(|token| of_project(&currencies, token).map(|currency| currency.as_str().to_owned()));
        assert_eq!(codes, [None, Some("USD".to_owned())]);
    }
}
