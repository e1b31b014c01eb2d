//! The HTTP-01 challenge of ACME (RFC 8555): files that a client such as certbot writes for the certificate authority, in its form `webroot`.

use std::path::Path;

use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::Error;

/// Where the authority looks for a token.
pub(super) const PATH: &str = "/.well-known/acme-challenge/{token}";

/// The folder of the tokens, below the one that the client is given.
const FOLDER: &str = ".well-known/acme-challenge";

/// Returns the file of a token. A token consists of letters, digits, `-` and `_`, so it names no file elsewhere.
pub(super) fn respond(webroot: &Path, token: &str) -> Result<Response, Error> {
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let content = is_token.then(|| std::fs::read(webroot.join(FOLDER).join(token)).ok()).flatten().ok_or(Error::NotFound)?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], content).into_response())
}
