//! Who asks: HTTP Basic with a project's token and secret.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::Error;
use crate::projects::{Project, Projects};

/// Returns the project whose token and secret the request carries.
pub fn owner(projects: &Projects, headers: &HeaderMap) -> Result<Arc<Project>, Error> {
    let (token, secret) = credentials(headers).ok_or(Error::Unauthorised)?;
    projects.authenticate(&token, &secret).ok_or(Error::Unauthorised)
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    text.split_once(':').map(|(token, secret)| (token.into(), secret.into()))
}
