//! What is done with every request, whatever it asks: it gets a name, it is counted, and what came of it is logged.
//!
//! The log says the name, the route, the status, the code and the time that it took. It says nothing that a caller wrote: no address, no
//! query, no header and no body, so nothing personal can get into it.

use std::cell::RefCell;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;

use crate::app_state::SharedState;
use crate::clock::{self, Stopwatch};
use crate::http::response;
use crate::http::server::connections::Peer;
use crate::{AppState, Error};

/// The header that carries a request's name.
pub(super) const NAME: HeaderName = HeaderName::from_static("x-request-id");

/// The most characters of a name that a caller gives.
const LONGEST: usize = 128;

/// The code of an error, left on its answer for the log.
#[derive(Clone, Copy)]
pub(super) struct Code(pub(super) &'static str);

/// What is true of the request under way.
struct Current {
    collector: SharedState,
    name: String,
    room: RefCell<Option<OwnedSemaphorePermit>>,
}

tokio::task_local! {
    static CURRENT: Current;
}

/// Returns the name of the request under way, if one is.
pub(super) fn name() -> Option<String> {
    CURRENT.try_with(|current| current.name.clone()).ok()
}

/// Returns how long the body of the request under way may take.
pub(super) fn body_timeout() -> Duration {
    CURRENT.try_with(|current| current.collector.gate.body_timeout).unwrap_or(Duration::MAX)
}

/// Makes room for a body of this size until its request is answered.
pub(super) fn make_room(bytes: usize) -> Result<(), Error> {
    let make = |current: &Current| {
        let room = current.collector.gate.room(bytes)?;
        *current.room.borrow_mut() = room;
        Ok(())
    };
    CURRENT.try_with(make).unwrap_or(Ok(()))
}

/// What is asked of requests to a group of routes, and of the answers to them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RoutePolicy {
    /// An address may ask so often.
    pub(super) limited: bool,
    /// The answer begins in time.
    pub(super) in_time: bool,
    /// Pages of any origin may read it.
    pub(super) any_origin: bool,
}

/// Names, counts and logs a request.
pub(super) async fn watch(State((collector, manners)): State<(SharedState, RoutePolicy)>, request: Request, next: Next) -> Response {
    let watch = Stopwatch::start();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    let method = known(request.method());
    let name = given(request.headers()).unwrap_or_else(clock::request_name);
    let current = Current { collector: collector.clone(), name: name.clone(), room: RefCell::default() };
    let mut response = CURRENT.scope(current, admit(&collector, manners, request, next)).await;
    let status = response.status().as_u16();
    collector.telemetry.answered(route, status);
    let code = response.extensions().get::<Code>().map(|code| code.0);
    let millis = u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX);
    if status >= 500 {
        tracing::warn!(request_id = name, method, route, status, code, millis, "answered");
    } else {
        tracing::debug!(request_id = name, method, route, status, code, millis, "answered");
    }
    response.headers_mut().extend(HeaderValue::try_from(name).map(|name| (NAME, name)));
    response
}

async fn admit(collector: &AppState, manners: RoutePolicy, request: Request, next: Next) -> Response {
    let response = match limit(collector, manners, &request) {
        Ok(()) if manners.in_time => in_time(collector.gate.answer_timeout, next.run(request)).await,
        Ok(()) => next.run(request).await,
        // The body was not read, so the connection cannot go on.
        Err(error) => ([(header::CONNECTION, "close")], error).into_response(),
    };
    if manners.any_origin { response::any_origin(response) } else { response }
}

/// Lets a request in, or not, by the address that it comes from.
fn limit(collector: &AppState, manners: RoutePolicy, request: &Request) -> Result<(), Error> {
    match request.extensions().get::<Peer>() {
        Some(Peer(address)) if manners.limited => collector.gate.address(*address, request.headers()),
        _ => Ok(()),
    }
}

/// Gives up on an answer that does not begin in time.
async fn in_time(patience: Duration, answer: impl Future<Output = Response>) -> Response {
    let answer = tokio::time::timeout(patience, answer).await;
    answer.unwrap_or_else(|_| Error::AnswerTooSlow { seconds: patience.as_secs() }.into_response())
}

/// A caller's own name is taken over if it can stand in a header, a log and a shell without harm.
fn given(headers: &HeaderMap) -> Option<String> {
    let name = headers.get(NAME)?.to_str().ok()?;
    let harmless = |character: char| character.is_ascii_alphanumeric() || "-_.:/+=".contains(character);
    ((1..=LONGEST).contains(&name.len()) && name.chars().all(harmless)).then(|| name.to_owned())
}

fn known(method: &Method) -> &'static str {
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
