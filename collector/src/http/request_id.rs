//! Request ids: every response carries one in `X-Request-Id`, and the log and error bodies repeat it.

use axum::http::{HeaderMap, HeaderName};

use crate::clock;

/// The header of requests and responses that carries the id.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that a client may choose, in characters.
const MAX_REQUEST_ID_CHARS: usize = 128;

/// Returns the id of a request: the client's own if it is valid, else a new one.
pub(super) fn request_id(headers: &HeaderMap) -> String {
    client_request_id(headers).unwrap_or_else(clock::unique_request_id)
}

/// A client's id is used only if it is harmless in a header, a log line and a shell command.
fn client_request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(HEADER)?.to_str().ok()?;
    let is_harmless = |character: char| character.is_ascii_alphanumeric() || "-_.:/+=".contains(character);
    ((1..=MAX_REQUEST_ID_CHARS).contains(&id.len()) && id.chars().all(is_harmless)).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_are_used_only_if_harmless() {
        let longest = "a".repeat(MAX_REQUEST_ID_CHARS);
        let too_long = "a".repeat(MAX_REQUEST_ID_CHARS + 1);
        for (id, is_used) in
            [("a-1_b.c:d/e+f=", true), (longest.as_str(), true), (too_long.as_str(), false), ("", false), ("a b", false), ("a;b", false)]
        {
            let headers = HeaderMap::from_iter([(HEADER, id.parse().unwrap())]);
            assert_eq!(request_id(&headers) == id, is_used, "{id}");
        }
    }
}
