//! `GET /export/events?after=CURSOR&limit=N`: the event log of a project as NDJSON, oldest first.
//!
//! It is read and sent page by page, so the memory use does not depend on the number of events. Without a limit it ends with the event
//! that was the newest when the request arrived.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::Error;
use crate::app_state::SharedState;
use crate::auth::basic;
use crate::http::routes::query::{limit, parameter};
use crate::http::streaming_body;
use crate::store::{Cursor, ExportedEvent, Range};

/// How many events are read at a time.
const PAGE_EVENTS: usize = 500;

pub(super) async fn export(State(state): State<SharedState>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Error> {
    let project = basic::owner(&state.projects, &headers)?.id;
    let query = query.unwrap_or_default();
    let until = *state.store.head().borrow();
    let range = Range { project, after: after(&query)?, until, limit: limit(&query)? };
    let first = page(&state, range).await?;
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
    let body =
        if first.len() < PAGE_EVENTS || first.len() == range.limit { Body::from(lines(&first)) } else { stream(state, range, first) };
    Ok((headers, body).into_response())
}

/// Streams the remaining pages. The first page is read before the status is sent, so a read error gets an error response. After that,
/// closing the connection early is the only way to report one.
fn stream(state: SharedState, range: Range, first: Vec<ExportedEvent>) -> Body {
    let (sender, body) = streaming_body::channel();
    tokio::spawn(async move {
        if let Err(error) = send_all(&state, range, first, &sender).await {
            tracing::error!(%error, "export aborted");
        }
    });
    body
}

async fn send_all(state: &SharedState, mut range: Range, first: Vec<ExportedEvent>, sender: &mpsc::Sender<Bytes>) -> Result<(), Error> {
    let mut events = first;
    while let Some(last) = events.last() {
        range.after = last.cursor;
        range.limit -= events.len();
        if sender.send(lines(&events)).await.is_err() {
            break;
        }
        events = page(state, range).await?;
    }
    Ok(())
}

async fn page(state: &SharedState, range: Range) -> Result<Vec<ExportedEvent>, Error> {
    Ok(state.store.read(Range { limit: range.limit.min(PAGE_EVENTS), ..range }).await?)
}

fn lines(events: &[ExportedEvent]) -> Bytes {
    let mut out = String::with_capacity(events.iter().map(|event| event.json.len() + 1).sum());
    for event in events {
        out.push_str(&event.json);
        out.push('\n');
    }
    out.into()
}

fn after(query: &str) -> Result<Cursor, Error> {
    match parameter(query, "after").as_deref() {
        None | Some("") => Ok(Cursor::START),
        Some(text) => {
            text.parse().map_err(|_| Error::BadField { field: "after", wanted: "a cursor of an earlier export", found: "another string" })
        }
    }
}
