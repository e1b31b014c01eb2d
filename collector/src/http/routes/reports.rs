//! `/reports`: the page that shows what the shop earned, its files, and the token by which it asks.
//!
//! The page knows nothing that the metrics API does not tell everybody with a token. It gets a short one here, as the owner who looks at
//! it, so no secret ever reaches a script.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::app_state::SharedState;
use crate::http::auth::access_token::Claims;
use crate::http::routes::protected_page::{send, viewer};
use crate::http::static_files;
use crate::{Error, clock};

/// How long the page's token is good for, in seconds. The page asks for another one when it ends.
const LIFETIME: u64 = 15 * 60;

pub(super) async fn page(State(collector): State<SharedState>, uri: Uri, headers: HeaderMap) -> Result<Response, Error> {
    viewer(&collector, &uri, &headers)?;
    Ok(send(static_files::reports("index.html").ok_or(Error::NotFound)?, &headers))
}

/// Scripts and styles hold nothing personal and are open. The library that draws the charts is made by the build.
pub(super) async fn file(State(collector): State<SharedState>, Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let made = || collector.assets.find(&format!("reports/{file}"), accepted);
    Ok(send(static_files::reports(&file).or_else(made).ok_or(Error::NotFound)?, &headers))
}

/// Pages of other origins may send this request, but cannot read its answer.
pub(super) async fn token(State(collector): State<SharedState>, uri: Uri, headers: HeaderMap) -> Result<impl IntoResponse, Error> {
    let project = &viewer(&collector, &uri, &headers)?.keys.token;
    let rand = clock::random_hex::<16>().unwrap_or_default();
    let claims = Claims::new(project, "", collector.clock.millis(), rand).map(|claims| Claims { exp: claims.iat + LIFETIME, ..claims });
    let token = claims.and_then(|claims| collector.keyring.sign(&claims)).ok_or(Error::CannotSign)?;
    let answer = json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "project": project,
        "longest_days": collector.longest_days,
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}
