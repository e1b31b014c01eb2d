//! The middleware of every request: request id, rate limit, cross-site check, response timeout, CORS headers, error body, counter and log
//! line.
//!
//! The log has the request id, route, status, error code and duration. It repeats nothing else that a client sent: no address, query,
//! header or body, so it contains no personal data.
//!
//! One function does all of this. Measured with a handler that does nothing: 0.8 µs a request for this function, 3.3 µs for the layers of
//! `tower-http` that replace it (trace, request id, CORS, timeout, body limit), of 37 µs that a request with one event costs in all. These
//! layers also differ in behaviour: CORS answers preflight requests with 200, timeouts have no JSON body, and request ids are not validated.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app_state::SharedState;
use crate::clock::Stopwatch;
use crate::http::context::{ErrorDetail, Peer};
use crate::http::{cors, cross_site, request_id, response};
use crate::limits::client_key::ClientKey;
use crate::{AppState, Error};

/// What applies to a group of routes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RoutePolicy {
    /// Requests count towards the rate limit of their address.
    pub(super) rate_limited: bool,
    /// The response must begin within the response timeout.
    pub(super) timeout: bool,
    /// Pages of any origin may read the response.
    pub(super) cors: bool,
    /// OPTIONS requests are answered even if they are no preflight of a browser.
    pub(super) options: bool,
    /// Requests need the secret of a project's owner, who may have entered it into a browser.
    pub(super) for_owners: bool,
}

/// Runs a request under the policy of its route group, then counts and logs it.
pub(super) async fn observe(State((state, policy)): State<(SharedState, RoutePolicy)>, request: Request, next: Next) -> Response {
    let stopwatch = Stopwatch::start();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    let method = method_label(request.method());
    let request_id = request_id::request_id(request.headers());
    let mut response = admit(&state, policy, request, next).await;
    let status = response.status();
    state.telemetry.answered(route, status);
    let error = ErrorDetail::of(&response);
    let code = error.map(|error| error.code);
    let millis = u64::try_from(stopwatch.elapsed().as_millis()).unwrap_or(u64::MAX);
    if status.is_server_error() {
        tracing::warn!(request_id, method, route, status = status.as_u16(), code, millis, "request failed");
    } else {
        tracing::debug!(request_id, method, route, status = status.as_u16(), code, millis, "request completed");
    }
    if let Some(body) = error.map(|error| error.to_json(&request_id)) {
        *response.body_mut() = Body::from(body);
    }
    response.headers_mut().extend(HeaderValue::try_from(request_id).map(|id| (request_id::HEADER, id)));
    response
}

async fn admit(state: &AppState, policy: RoutePolicy, mut request: Request, next: Next) -> Response {
    let client = client(state, &request);
    request.extensions_mut().insert(client);
    // An OPTIONS request to no route is answered like any other.
    let is_preflight = request.method() == Method::OPTIONS
        && request.extensions().get::<MatchedPath>().is_some()
        && (policy.options || policy.cors && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD));
    let response = match check_rate(state, policy, client).and_then(|()| check_site(policy, &request)) {
        Ok(()) if is_preflight => cors::preflight(request.headers()),
        Ok(()) if policy.timeout => with_timeout(state.admission.response_timeout, next.run(request)).await,
        Ok(()) => next.run(request).await,
        // The body was not read, so the connection cannot be reused.
        Err(error) => ([(header::CONNECTION, "close")], error).into_response(),
    };
    if policy.cors { cors::with_cors(response) } else { response::with_isolation(response) }
}

/// Returns the client that a request counts for.
fn client(state: &AppState, request: &Request) -> ClientKey {
    let peer = request.extensions().get::<Peer>();
    peer.map_or(ClientKey::Unreadable, |Peer(address)| state.admission.client(*address, request.headers()))
}

/// Applies the rate limit of the client's address.
fn check_rate(state: &AppState, policy: RoutePolicy, client: ClientKey) -> Result<(), Error> {
    if policy.rate_limited { state.admission.check_address(client) } else { Ok(()) }
}

/// Rejects a request that a page of another site made an owner's browser send. It may have credentials on routes of others too.
fn check_site(policy: RoutePolicy, request: &Request) -> Result<(), Error> {
    let is_owners = policy.for_owners || cross_site::has_ambient_credentials(request.headers());
    let is_foreign = is_owners && cross_site::is_foreign_change(request.method(), request.uri(), request.headers());
    if is_foreign { Err(Error::CrossSite) } else { Ok(()) }
}

async fn with_timeout(limit: Duration, response: impl Future<Output = Response>) -> Response {
    let response = tokio::time::timeout(limit, response).await;
    response.unwrap_or_else(|_| Error::ResponseTimeout { seconds: limit.as_secs() }.into_response())
}

/// Returns the method as a log label. A client may send any word as its method; the log repeats only known ones.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
