//! Paths of requests: repeated and trailing slashes count as none, because shops join addresses by hand; and parameters in a path.

use axum::extract::{FromRequestParts, Path};
use axum::http::Uri;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;

use crate::Error;

/// Returns the address without repeated and trailing slashes, or None if it has none.
pub(super) fn normalised(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.contains("//") && (path.len() <= 1 || !path.ends_with('/')) {
        return None;
    }
    let mut short: String = path.split('/').filter(|segment| !segment.is_empty()).flat_map(|segment| ["/", segment]).collect();
    if short.is_empty() {
        short.push('/');
    }
    if let Some(query) = uri.query() {
        short.push('?');
        short.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(short).ok();
    Uri::from_parts(parts).ok()
}

/// The only parameter of a path, decoded. A percent-encoding that is not UTF-8 is an error in JSON like every other.
pub(super) struct PathParam(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathParam {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        Path::from_request_parts(parts, state).await.map(|Path(text)| Self(text)).map_err(|_| Error::BadPath)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_and_trailing_slashes_are_removed() {
        for (uri, expected) in [
            ("/", None),
            ("/v2/batch", None),
            ("/v2/batch?a=//b/", None),
            ("//", Some("/")),
            ("//v2/batch", Some("/v2/batch")),
            ("/v2/batch/?token=t", Some("/v2/batch?token=t")),
            ("///v2//batch//", Some("/v2/batch")),
            ("/customers/a%2F%2Fb/", Some("/customers/a%2F%2Fb")),
            ("http://host//live/", Some("http://host/live")),
        ] {
            assert_eq!(normalised(&uri.parse().unwrap()).map(|uri| uri.to_string()).as_deref(), expected, "{uri}");
        }
    }
}
