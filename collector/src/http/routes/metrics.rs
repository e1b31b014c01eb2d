//! `POST /metrics/{resource}/{query}` and `POST /metrics/analysis/fbt`: metrics queries.
//!
//! A request with several errors gets the first status of this order: 404, 405, 406, 415, 401, 400, 422.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::app_state::SharedState;
use crate::http::auth::access_token::Claims;
use crate::http::body;
use crate::http::routes::export_events;
use crate::metrics::catalog::Resource;
use crate::metrics::error::MetricsError;
use crate::metrics::parse::{self, Context, QueryType};
use crate::metrics::query::Query;
use crate::metrics::response::{self, QueryResult};
use crate::metrics::rows::Scope;
use crate::{Error, clock};

/// The media type that a client must accept.
const ACCEPT: &str = "application/vnd.api.v1+json";
/// The media type of requests and responses.
const CONTENT_TYPE: &str = "application/vnd.api+json";

pub(super) async fn ask(
    State(collector): State<SharedState>,
    method: Method,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return preflight().await.into_response();
    }
    let trace_id = trace_id();
    let fresh = query.is_some_and(|query| export_events::parameter(&query, "fresh").is_some_and(|value| value != "0"));
    let request = MetricsRequest { collector: &collector, trace_id: &trace_id, fresh };
    match request.respond(&method, uri.path(), &headers, body).await {
        Ok(body) => json_response(StatusCode::OK, &body),
        Err(error) => error_response(&error, &trace_id),
    }
}

/// Answers the CORS preflight of dashboards on other origins, which send headers that need permission.
pub(super) async fn preflight() -> impl IntoResponse {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, X-Requested-With"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        (header::ALLOW, "POST, OPTIONS"),
    ];
    (StatusCode::NO_CONTENT, headers)
}

struct MetricsRequest<'a> {
    collector: &'a SharedState,
    trace_id: &'a str,
    fresh: bool,
}

impl MetricsRequest<'_> {
    async fn respond(&self, method: &Method, path: &str, headers: &HeaderMap, body: Body) -> Result<Value, MetricsError> {
        let (resource, kind) = find(path).ok_or(MetricsError::NotFound)?;
        if method != Method::POST {
            return Err(MetricsError::MethodNotAllowed);
        }
        if !has_media_type(headers, &header::ACCEPT, ACCEPT) {
            return Err(MetricsError::NotAcceptable);
        }
        if !has_media_type(headers, &header::CONTENT_TYPE, CONTENT_TYPE) {
            return Err(MetricsError::UnsupportedMediaType);
        }
        let claims = self.claims(headers).ok_or(MetricsError::Unauthorized)?;
        let body = body::read(headers, body).await?;
        let body = serde_json::from_slice(&body).map_err(|error| MetricsError::NotJson(error.to_string()))?;
        let query = Arc::new(self.parse(resource, kind, &body, &claims)?);
        let result = self.run(&query, &claims).await?;
        Ok(response_body(&query, kind, &claims, result, self.trace_id))
    }

    fn claims(&self, headers: &HeaderMap) -> Option<Claims> {
        let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        let claims = self.collector.keyring.verify(token.trim(), self.collector.clock.millis())?;
        (scheme.eq_ignore_ascii_case("bearer")).then_some(claims)
    }

    fn parse(&self, resource: &'static Resource, kind: QueryType, body: &Value, claims: &Claims) -> Result<Query, MetricsError> {
        let now = self.collector.clock.millis().cast_signed();
        let context = Context { organization: &claims.organization.id, now, max_range_days: self.collector.longest_days };
        parse::parse(resource, kind, body, context).map_err(MetricsError::Invalid)
    }

    async fn run(&self, query: &Arc<Query>, claims: &Claims) -> Result<QueryResult, MetricsError> {
        let organization = claims.organization.id.clone();
        let project = self.collector.projects.find(&organization).ok_or(MetricsError::Unauthorized)?.id;
        let scope = Scope { project, organization, markets: claims.markets().to_vec() };
        let results = self.collector.analytics.query(Arc::clone(query), scope.clone(), self.fresh).await;
        let results = results.inspect_err(|error| {
            if let Error::Engine(cause) = error {
                tracing::error!(trace_id = self.trace_id, cause, "a metrics query failed");
            }
        })?;
        Ok(response::build(query, &scope, &results))
    }
}

fn find(path: &str) -> Option<(&'static Resource, QueryType)> {
    match path.strip_prefix("/metrics/")?.split_once('/')? {
        ("analysis", "fbt") => Some((Resource::find("orders")?, QueryType::BoughtTogether)),
        (resource, kind) => Some((Resource::find(resource)?, QueryType::find(kind)?)),
    }
}

/// Whether the header lists the media type, with or without parameters.
fn has_media_type(headers: &HeaderMap, header: &HeaderName, expected: &str) -> bool {
    let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    let mut types = values.flat_map(|value| value.split(',')).map(|value| value.split(';').next().unwrap_or_default().trim());
    types.any(|value| value.eq_ignore_ascii_case(expected))
}

fn response_body(query: &Query, kind: QueryType, claims: &Claims, result: QueryResult, trace_id: &str) -> Value {
    let mut meta = json!({
        "type": kind.name(),
        "trace_id": trace_id,
        "mode": claims.mode(),
        "organization_id": claims.organization.id,
        "market_ids": claims.markets(),
    });
    if let Some(pagination) = result.pagination {
        meta["pagination"] = pagination;
    }
    if let Some(payload) = &query.payload {
        meta["payload"] = payload.clone();
    }
    json!({ "data": result.data, "meta": meta })
}

fn error_response(error: &MetricsError, trace_id: &str) -> Response {
    let mut response = json_response(error.status(), &error.to_json(trace_id));
    let headers = response.headers_mut();
    match error {
        MetricsError::MethodNotAllowed => drop(headers.insert(header::ALLOW, HeaderValue::from_static("POST"))),
        MetricsError::Unauthorized => drop(headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        MetricsError::Other(error) => {
            headers.extend(error.retry_after().map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))));
        }
        _ => {}
    }
    response
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}

/// Returns an id of the request for the response and the log. Without random bytes from the system, it is a fixed id.
fn trace_id() -> String {
    let bytes = clock::random::<16>().unwrap_or_default();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
