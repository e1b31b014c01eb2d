//! `POST /oauth/token`: exchanges client credentials (RFC 6749, section 4.4), sent as a form or as JSON, for an access token.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use crate::app_state::SharedState;
use crate::auth::access_token::{Claims, LIFETIME_SECS};
use crate::auth::basic;
use crate::clock;
use crate::decode::replace_lone_surrogates;
use crate::http::body::{self, SenderId, UnreadBody};
use crate::ingest;

/// The body of a request.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    grant_type: String,
    client_id: String,
    client_secret: String,
    /// Some clients send null if they want no scope.
    scope: Option<String>,
}

pub(super) async fn issue(State(state): State<SharedState>, headers: HeaderMap, body: UnreadBody) -> Response {
    let body = match body::read(&state, &headers, body, SenderId::None).await {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    let bytes = body.bytes.clone();
    let is_json = has_json_type(&headers) || bytes.trim_ascii_start().starts_with(b"{");
    let request = match ingest::offload_if_large(&state, body.client, bytes.len(), move |_, _| Ok(parse(is_json, bytes))).await {
        Ok(request) => request,
        Err(error) => return error.into_response(),
    };
    let Some(request) = request else {
        return oauth_error(StatusCode::BAD_REQUEST, "invalid_request", "the body must be a form or JSON");
    };
    if request.grant_type != "client_credentials" {
        return oauth_error(StatusCode::BAD_REQUEST, "unsupported_grant_type", "grant_type must be client_credentials");
    }
    // Clients may send their credentials in the Authorization header instead.
    let project = match basic::owner(&state.projects, &headers) {
        Ok(project) => Some(project),
        Err(_) => state.projects.authenticate(&request.client_id, &request.client_secret),
    };
    let Some(project) = project else {
        return oauth_error(StatusCode::UNAUTHORIZED, "invalid_client", "client_id must be a project's token and client_secret its secret");
    };
    let rand = clock::random_hex::<16>().unwrap_or_default();
    let scope = request.scope.as_deref().unwrap_or_default();
    let Some(claims) = Claims::new(&project.credentials.token, scope, state.clock.millis(), rand) else {
        return oauth_error(StatusCode::BAD_REQUEST, "invalid_scope", "scope must have the form market:id:ID, repeated with spaces");
    };
    let Some(token) = state.keyring.sign(claims.clone(), &project) else {
        return oauth_error(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "the token cannot be signed");
    };
    let body = json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": LIFETIME_SECS,
        "scope": claims.scope,
        "created_at": claims.iat,
    });
    ([(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")], Json(body)).into_response()
}

fn has_json_type(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("json"))
}

/// A form does not begin with a brace: JSON without its media type is recognised by that.
fn parse(is_json: bool, body: Bytes) -> Option<Request> {
    if is_json { serde_json::from_slice(&replace_lone_surrogates(body)).ok() } else { serde_urlencoded::from_bytes(&body).ok() }
}

fn oauth_error(status: StatusCode, error: &str, description: &str) -> Response {
    let body = json!({ "error": error, "error_description": description });
    let mut response = (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"tillroll\""));
    }
    response
}
