//! `POST /metrics/{resource}/{query}` and `POST /metrics/analysis/fbt`: metrics queries.
//!
//! Checks run in a fixed order, so a request with several errors always gets the same status: 404, 405, 406, 415, 401, 400, 422.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::app_state::SharedState;
use crate::http::auth::access_token::Claims;
use crate::http::body;
use crate::http::cors::preflight_metrics;
use crate::http::routes::query::parameter;
use crate::metrics::catalog::Resource;
use crate::metrics::error::Problem;
use crate::metrics::parse::{self, Context, Type};
use crate::metrics::query::Query;
use crate::metrics::response::{self, Answer};
use crate::metrics::sql::{Scope, duckdb};
use crate::{Error, clock};

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
    body: Body,
) -> Response {
    if method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return preflight_metrics().await.into_response();
    }
    let trace_id = trace_id();
    let is_fresh = parameters.is_some_and(|query| parameter(&query, "fresh").is_some_and(|value| value != "0"));
    let request = QueryRequest { state: &state, trace_id: &trace_id, is_fresh };
    match request.answer(&method, uri.path(), &headers, body).await {
        Ok(answer) => respond(StatusCode::OK, &answer),
        Err(problem) => error_response(&problem, &trace_id),
    }
}

struct QueryRequest<'a> {
    state: &'a SharedState,
    trace_id: &'a str,
    /// Whether the query waits for records that are stored but not yet in the projection.
    is_fresh: bool,
}

impl QueryRequest<'_> {
    async fn answer(&self, method: &Method, path: &str, headers: &HeaderMap, body: Body) -> Result<Value, Problem> {
        let (resource, kind) = find(path).ok_or(Problem::NotFound)?;
        if method != Method::POST {
            return Err(Problem::MethodNotAllowed);
        }
        if !has_media_type(headers, &header::ACCEPT, ACCEPT) {
            return Err(Problem::NotAcceptable);
        }
        if !has_media_type(headers, &header::CONTENT_TYPE, CONTENT_TYPE) {
            return Err(Problem::UnsupportedMediaType);
        }
        let claims = self.claims(headers).ok_or(Problem::Unauthorised)?;
        let body = body::read(&self.state.admission, headers, body).await?;
        let body = serde_json::from_slice(&body.bytes).map_err(|error| Problem::NotJson(error.to_string()))?;
        let query = self.plan(resource, kind, &body, &claims)?;
        let answer = self.run(&query, &claims).await?;
        Ok(envelope(&query, kind, &claims, answer, self.trace_id))
    }

    fn claims(&self, headers: &HeaderMap) -> Option<Claims> {
        let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        let claims = self.state.keyring.verify(token.trim(), self.state.clock.millis())?;
        (scheme.eq_ignore_ascii_case("bearer")).then_some(claims)
    }

    fn plan(&self, resource: &'static Resource, kind: Type, body: &Value, claims: &Claims) -> Result<Query, Problem> {
        let now = self.state.clock.millis().cast_signed();
        let context = Context { organization: &claims.organization.id, now, longest_days: self.state.max_range_days };
        parse::plan(resource, kind, body, context).map_err(Problem::Refused)
    }

    async fn run(&self, query: &Query, claims: &Claims) -> Result<Answer, Problem> {
        let organization = claims.organization.id.as_str();
        let project = self.state.projects.find(organization).ok_or(Problem::Unauthorised)?.id;
        let scope = Scope { project, organization, markets: claims.markets() };
        let tables = self.state.analytics.run(duckdb::print(query, scope), self.is_fresh).await;
        let tables = tables.inspect_err(|error| {
            if let Error::Engine(cause) = error {
                tracing::error!(trace_id = self.trace_id, cause, "metrics query failed");
            }
        })?;
        Ok(response::shape(query, scope, &tables))
    }
}

fn find(path: &str) -> Option<(&'static Resource, Type)> {
    match path.strip_prefix("/metrics/")?.split_once('/')? {
        ("analysis", "fbt") => Some((Resource::find("orders")?, Type::BoughtTogether)),
        (resource, kind) => Some((Resource::find(resource)?, Type::find(kind)?)),
    }
}

/// Returns whether the header contains the media type, perhaps among others and with parameters.
fn has_media_type(headers: &HeaderMap, header: &HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    let mut types = values.flat_map(|value| value.split(',')).map(|value| value.split(';').next().unwrap_or_default().trim());
    types.any(|value| value.eq_ignore_ascii_case(wanted))
}

fn envelope(query: &Query, kind: Type, claims: &Claims, answer: Answer, trace_id: &str) -> Value {
    let mut meta = json!({
        "type": kind.name(),
        "trace_id": trace_id,
        "mode": claims.mode(),
        "organization_id": claims.organization.id,
        "market_ids": claims.markets(),
    });
    if let Some(pagination) = answer.pagination {
        meta["pagination"] = pagination;
    }
    if let Some(payload) = &query.payload {
        meta["payload"] = payload.clone();
    }
    json!({ "data": answer.data, "meta": meta })
}

fn error_response(problem: &Problem, trace_id: &str) -> Response {
    let mut response = respond(problem.status(), &problem.to_json(trace_id));
    let headers = response.headers_mut();
    match problem {
        Problem::MethodNotAllowed => drop(headers.insert(header::ALLOW, HeaderValue::from_static("POST"))),
        Problem::Unauthorised => drop(headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        Problem::Other(error) => {
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
