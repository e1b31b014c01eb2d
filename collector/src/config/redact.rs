//! Removes secrets from settings before they are printed.

use clap::error::ContextValue;

/// Returns the public part of a setting: the token of a project without its secret, and a URL without user, password and query.
pub(crate) fn setting(name: &str, value: &str) -> String {
    match value.split_once(':') {
        Some((token, _)) if name == "project" => token.to_owned(),
        _ if value.contains("://") => url(value),
        _ => value.to_owned(),
    }
}

/// Returns an error of the command line without the secrets of the value that it repeats, which may be a URL without its scheme.
pub(crate) fn error(mut error: clap::Error) -> clap::Error {
    let texts =
        error.context().filter_map(|(kind, value)| if let ContextValue::String(text) = value { Some((kind, url(text))) } else { None });
    for (kind, text) in texts.collect::<Vec<_>>() {
        error.insert(kind, ContextValue::String(text));
    }
    error
}

/// Returns a URL with `…` in place of what may be secret. A password may contain any character.
fn url(text: &str) -> String {
    let (scheme, rest) = text.split_at(text.find("://").map_or(0, |at| at + 3));
    let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, host)| ("…@", host));
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (address, query) = rest.split_at(end);
    format!("{scheme}{user}{address}{}", if query.is_empty() { "" } else { "?…" })
}
