//! `GET /customers/{email}/timeline?before=CURSOR&limit=N`: events, visits, orders and returns of a person as NDJSON, newest first.

use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::Person;
use crate::Error;
use crate::app_state::SharedState;
use crate::http::routes::query::{limit, parameter};
use crate::http::streaming_body;
use crate::store::{TimelineCursor, TimelineEntry};

/// How many entries are read at a time.
const PAGE_ENTRIES: usize = 500;

pub(super) async fn timeline(State(state): State<SharedState>, person: Person, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let Person { project, email } = person;
    let query = query.unwrap_or_default();
    let before = match parameter(&query, "before").as_deref() {
        None | Some("") => None,
        Some(text) => Some(TimelineCursor::parse(text).ok_or(Error::BadField {
            field: "before",
            wanted: "a cursor of an earlier timeline",
            found: "another string",
        })?),
    };
    let mut entries = state.store.timeline(project, email, before, limit(&query)?).await?.ok_or(Error::UnknownCustomer)?;
    let rest = entries.split_off(entries.len().min(PAGE_ENTRIES));
    // The first page is read before the status is sent, so a read error gets an error response.
    let first = state.store.timeline_lines(project, entries).await?;
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
    if rest.is_empty() {
        return Ok((headers, first).into_response());
    }
    let (sender, body) = streaming_body::channel();
    tokio::spawn(async move {
        if let Err(error) = send_all(&state, project, first, rest, &sender).await {
            tracing::error!(%error, "timeline aborted");
        }
    });
    Ok((headers, body).into_response())
}

async fn send_all(
    state: &SharedState,
    project: i64,
    mut lines: String,
    mut rest: Vec<TimelineEntry>,
    sender: &mpsc::Sender<Bytes>,
) -> Result<(), Error> {
    while sender.send(lines.into()).await.is_ok() && !rest.is_empty() {
        let further = rest.split_off(rest.len().min(PAGE_ENTRIES));
        lines = state.store.timeline_lines(project, std::mem::replace(&mut rest, further)).await?;
    }
    Ok(())
}
