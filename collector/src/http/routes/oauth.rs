//! `POST /oauth/token`: client credentials (RFC 6749, section 4.4), as a form or as JSON, for an access token.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use crate::app_state::SharedState;
use crate::clock;
use crate::http::auth::access_token::Claims;
use crate::http::auth::basic;
use crate::http::auth::keyring::TOKEN_LIFETIME_SECS;
use crate::http::body;

/// What a client sends.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    grant_type: String,
    client_id: String,
    client_secret: String,
    scope: String,
}

pub(super) async fn issue(State(collector): State<SharedState>, headers: HeaderMap, body: Body) -> Response {
    let body = match body::read(&headers, body).await {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    let Some(request) = read(&headers, &body) else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", "the body must be a form or JSON");
    };
    if request.grant_type != "client_credentials" {
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type", "grant_type must be client_credentials");
    }
    // Clients may give their credentials in the header instead.
    let project = match basic::owner(&collector.projects, &headers) {
        Ok(project) => Some(project),
        Err(_) => collector.projects.authenticate(&request.client_id, &request.client_secret),
    };
    let Some(project) = project else {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client", "client_id must be a project's token and client_secret its secret");
    };
    let rand = clock::random_hex::<16>().unwrap_or_default();
    let Some(claims) = Claims::new(&project.keys.token, &request.scope, collector.clock.millis(), rand) else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_scope", "scope must be of the form market:id:ID, repeated with spaces");
    };
    let Some(token) = collector.keyring.sign(&claims) else {
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "the token cannot be signed");
    };
    let answer = json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFETIME_SECS,
        "scope": claims.scope,
        "created_at": claims.iat,
    });
    ([(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")], Json(answer)).into_response()
}

fn read(headers: &HeaderMap, body: &[u8]) -> Option<Request> {
    let is_json = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| kind.contains("json"));
    if is_json { serde_json::from_slice(body).ok() } else { serde_urlencoded::from_bytes(body).ok() }
}

fn refuse(status: StatusCode, error: &str, description: &str) -> Response {
    let body = json!({ "error": error, "error_description": description });
    let mut response = (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Basic realm=\"tillroll\""));
    }
    response
}
