//! Query parameters. Tokens, cursors and numbers need no percent-encoding, but programs may encode any character.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::Error;

/// Returns the value of a query parameter, decoded.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let value = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value);
    value.map(|value| percent_decode_str(value).decode_utf8_lossy())
}

/// Returns the `limit` of an export; `usize::MAX` if there is none.
pub(super) fn limit(query: &str) -> Result<usize, Error> {
    match parameter(query, "limit").as_deref() {
        None | Some("") => Ok(usize::MAX),
        Some(text) => match text.parse() {
            Ok(limit) if limit > 0 => Ok(limit),
            _ => Err(Error::BadField { field: "limit", wanted: "a whole number above zero", found: "another string" }),
        },
    }
}
