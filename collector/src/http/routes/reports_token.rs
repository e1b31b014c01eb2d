//! `POST /reports/token`: a short-lived access token for the reports page.
//!
//! The page uses only the public metrics API. It gets its token here after HTTP Basic authentication, so no script ever has the secret.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde_json::json;

use crate::app_state::SharedState;
use crate::auth::access_token::Claims;
use crate::config::per_project;
use crate::http::response;
use crate::http::routes::protected_pages::authorize;
use crate::{Error, clock};

/// The lifetime of the page's token. The page requests another one when it expires.
const LIFETIME_SECS: u64 = 15 * 60;

pub(super) async fn issue(State(state): State<SharedState>, uri: Uri, headers: HeaderMap) -> Result<Response, Error> {
    let owner = authorize(&state, &uri, &headers)?;
    let project = &owner.credentials.token;
    let rand = clock::random_hex::<16>().unwrap_or_default();
    let claims = Claims::new(project, "", state.clock.millis(), rand).map(|claims| Claims { exp: claims.iat + LIFETIME_SECS, ..claims });
    let token = claims.and_then(|claims| state.keyring.sign(claims, &owner)).ok_or(Error::CannotSign)?;
    Ok(response::json(json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": LIFETIME_SECS,
        "project": project,
        "longest_days": state.max_range_days,
        "time_zone": per_project::of_project(&state.time_zones, project).cloned().unwrap_or_default().to_string(),
    })))
}
