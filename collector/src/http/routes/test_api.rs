//! `/test/*`: what a shop's own tests ask an ephemeral collector. The routes exist only with `--ephemeral`, and need no credentials, because
//! the data ends with the process.
//!
//! A reset deletes nothing: it moves the start, after which events and rejections are listed. Ids stay known, so a page that sends an
//! event again after a reset does not disturb the next test.

use std::sync::{MutexGuard, PoisonError};

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use crate::Error;
use crate::app_state::SharedState;
use crate::http::route_table::RouteTable;
use crate::http::routes::query::parameter;
use crate::store::{Cursor, Range};

/// How many events are read at a time.
const PAGE_EVENTS: usize = 500;

/// The most events that one response lists, from the start on.
const MAX_EVENTS: usize = 10_000;

/// Returns the routes.
pub(super) fn routes() -> RouteTable {
    RouteTable::default().get("/test/events", events).get("/test/rejected", rejected).post("/test/reset", reset)
}

/// Responds with the stored events since the last reset, as an array in the form of the export, oldest first.
async fn events(State(state): State<SharedState>, RawQuery(query): RawQuery) -> Result<impl IntoResponse, Error> {
    let project = project(&state, query.as_deref())?;
    let until = *state.store.head().borrow();
    let mut after = start(&state).map_or(Cursor::START, |start| *start);
    let mut texts = Vec::new();
    loop {
        let page = state.store.read(Range { project, after, until, limit: PAGE_EVENTS }).await?;
        let is_last = page.len() < PAGE_EVENTS;
        after = page.last().map_or(after, |event| event.cursor);
        texts.extend(page.into_iter().map(|event| event.json));
        if is_last || texts.len() >= MAX_EVENTS {
            return Ok(json_array(&texts));
        }
    }
}

/// Responds with the rejected events since the last reset, as an array in the form of the live stream, oldest first.
async fn rejected(State(state): State<SharedState>, RawQuery(query): RawQuery) -> Result<impl IntoResponse, Error> {
    let project = project(&state, query.as_deref())?;
    Ok(json_array(&state.rejections.recorded(project)))
}

/// Moves the start of the lists to now.
async fn reset(State(state): State<SharedState>) -> StatusCode {
    let head = *state.store.head().borrow();
    if let Some(mut start) = start(&state) {
        *start = head;
    }
    state.rejections.clear_recorded();
    StatusCode::NO_CONTENT
}

fn start(state: &SharedState) -> Option<MutexGuard<'_, Cursor>> {
    state.test_start.as_ref().map(|start| start.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Returns the project that `?token=` names; without it, the first one.
fn project(state: &SharedState, query: Option<&str>) -> Result<i64, Error> {
    let project = match parameter(query.unwrap_or_default(), "token") {
        Some(token) => state.projects.find(&token),
        None => state.projects.first(),
    };
    Ok(project.ok_or(Error::UnknownToken)?.id)
}

fn json_array<T: AsRef<str>>(items: &[T]) -> impl IntoResponse + use<T> {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (headers, format!("[{}]", items.join(",\n")))
}
