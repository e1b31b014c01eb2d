//! Query parameters of GET requests. Cursors and numbers contain no character that would be percent-encoded.

use crate::Error;

/// Returns the value of a query parameter.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Returns the `limit` of an export; `usize::MAX` if there is none.
pub(super) fn limit(query: &str) -> Result<usize, Error> {
    match parameter(query, "limit") {
        None | Some("") => Ok(usize::MAX),
        Some(text) => match text.parse() {
            Ok(limit) if limit > 0 => Ok(limit),
            _ => Err(Error::BadField { field: "limit", wanted: "a whole number above zero", found: "another string" }),
        },
    }
}
