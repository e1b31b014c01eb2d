//! HTTP Basic authentication of owners with `TOKEN:SECRET`, and the trust level of browser requests.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::Error;
use crate::auth::bots;
use crate::projects::{Project, ProjectRegistry};
use crate::store::TrustLevel;

/// Returns the project whose token and secret the request carries.
pub fn owner(projects: &ProjectRegistry, headers: &HeaderMap) -> Result<Arc<Project>, Error> {
    let (token, secret) = credentials(headers).ok_or(Error::Unauthorized)?;
    projects.authenticate(&token, &secret).ok_or(Error::Unauthorized)
}

/// Returns the trust level of a browser request: `Bot` if its User-Agent is a bot's, else `Browser`.
pub fn page(headers: &HeaderMap) -> TrustLevel {
    let is_bot = headers.get(header::USER_AGENT).is_some_and(|name| bots::is_bot(name.as_bytes()));
    if is_bot { TrustLevel::Bot } else { TrustLevel::Browser }
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    text.split_once(':').map(|(token, secret)| (token.into(), secret.into()))
}
