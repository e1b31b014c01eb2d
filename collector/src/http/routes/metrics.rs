//! `POST /metrics/{resource}/{query}` and `POST /metrics/analysis/fbt`: metrics queries.
//!
//! Checks run in a fixed order, so a request with several errors always gets the same status: 404, 405, 406, 415, 401, 400, 422.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::app_state::SharedState;
use crate::auth::access_token::Claims;
use crate::decode::replace_lone_surrogates;
use crate::http::body::{self, SenderId, UnreadBody};
use crate::http::metrics_error::MetricsError;
use crate::http::route_table::Served;
use crate::http::routes::query::parameter;
use crate::ingest;
use crate::metrics::catalog::Resource;
use crate::metrics::parse::{self, Context, QueryType};
use crate::metrics::query::Query;
use crate::metrics::response::{self, QueryResult};
use crate::metrics::rows::Scope;
use crate::projects::Owner;
use crate::{AppState, Error, clock};

/// The media type that a client must accept.
const ACCEPT: &str = "application/vnd.api.v1+json";
/// The media type of requests and responses.
const CONTENT_TYPE: &str = "application/vnd.api+json";

pub(super) async fn query(
    State(state): State<SharedState>,
    method: Method,
    uri: Uri,
    RawQuery(parameters): RawQuery,
    headers: HeaderMap,
    body: UnreadBody,
) -> Response {
    let trace_id = trace_id();
    let is_fresh = parameters.is_some_and(|query| parameter(&query, "fresh").is_some_and(|value| value != "0"));
    let request = QueryRequest { state: &state, trace_id: &trace_id, is_fresh };
    match request.respond(&method, uri.path(), &headers, body).await {
        Ok(body) => respond(StatusCode::OK, &body),
        Err(error) => error_response(&error, &trace_id),
    }
}

struct QueryRequest<'a> {
    state: &'a SharedState,
    trace_id: &'a str,
    /// Whether the query waits for records that are stored but not yet in the projection.
    is_fresh: bool,
}

impl QueryRequest<'_> {
    async fn respond(&self, method: &Method, path: &str, headers: &HeaderMap, body: UnreadBody) -> Result<Value, MetricsError> {
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
        let (claims, owner) = self.authorize(headers).ok_or(MetricsError::Unauthorized)?;
        let body = body::read(self.state, headers, body, SenderId::Head).await?;
        let (bytes, parser) = (body.bytes.clone(), claims.clone());
        let parsed = ingest::offload_if_large(self.state, body.client, bytes.len(), move |state, _| {
            Ok(parse(state, resource, kind, bytes, &parser))
        });
        let query = Arc::new(parsed.await??);
        let result = self.run(&query, &claims, owner.id).await?;
        Ok(envelope(&query, kind, &claims, result, self.trace_id))
    }

    fn authorize(&self, headers: &HeaderMap) -> Option<(Claims, Owner)> {
        let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        let authorized = self.state.keyring.verify(token.trim(), self.state.clock.millis(), &self.state.projects)?;
        scheme.eq_ignore_ascii_case("bearer").then_some(authorized)
    }

    async fn run(&self, query: &Arc<Query>, claims: &Claims, project: i64) -> Result<QueryResult, MetricsError> {
        let organization = claims.organization.id.clone();
        let scope = Scope { project, organization, markets: claims.markets().to_vec() };
        let results = self.state.analytics.query(Arc::clone(query), scope.clone(), self.is_fresh).await;
        let results = results.inspect_err(|error| {
            if let Some(cause) = error.cause() {
                tracing::error!(trace_id = self.trace_id, cause, "metrics query failed");
            }
        });
        let results = results.map_err(Error::from)?;
        if let Some(currency) = query.currency_to_check().filter(|_| response::has_several_currencies(&results)) {
            return Err(MetricsError::Invalid(parse::several_currencies(query, currency)));
        }
        Ok(response::build(query, &scope, &results))
    }
}

fn parse(state: &AppState, resource: &'static Resource, kind: QueryType, body: Bytes, claims: &Claims) -> Result<Query, MetricsError> {
    let body: Value = serde_json::from_slice(&replace_lone_surrogates(body)).map_err(|error| MetricsError::NotJson(error.to_string()))?;
    let now = state.clock.millis().cast_signed();
    let context = Context {
        organization: &claims.organization.id,
        now,
        attribution_days: state.attribution_days,
        max_range_days: state.max_range_days,
    };
    parse::parse(resource, kind, &body, context).map_err(MetricsError::Invalid)
}

/// Returns what the handler serves.
pub(super) fn served() -> [Served; 2] {
    ["/metrics/{resource}/{query}", "/metrics/analysis/fbt"].map(|path| Served::new("POST", path))
}

fn find(path: &str) -> Option<(&'static Resource, QueryType)> {
    match path.strip_prefix("/metrics/")?.split_once('/')? {
        ("analysis", "fbt") => Some((Resource::find("orders")?, QueryType::BoughtTogether)),
        (resource, kind) => Some((Resource::find(resource)?, QueryType::find(kind)?)),
    }
}

/// Returns whether the header contains the media type, perhaps among others and with parameters. One with the weight zero is not accepted.
fn has_media_type(headers: &HeaderMap, header: &HeaderName, expected: &str) -> bool {
    let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    let mut types = values.flat_map(|value| value.split(','));
    types.any(|value| {
        let mut parts = value.split(';').map(str::trim);
        let is_expected = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(expected));
        let is_zero = |weight: &str| weight.parse() == Ok(0.0);
        is_expected && !parts.any(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")).is_some_and(is_zero))
    })
}

fn envelope(query: &Query, kind: QueryType, claims: &Claims, result: QueryResult, trace_id: &str) -> Value {
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
    let mut response = respond(error.status(), &error.to_json(trace_id));
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

fn respond(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}

/// Returns a random id of a request, for its response and the log. Without random bytes it is all zeros.
fn trace_id() -> String {
    let bytes = clock::random::<16>().unwrap_or_default();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
