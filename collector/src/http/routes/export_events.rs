//! `GET /export/events?after=CURSOR&limit=N`: the log of one project as NDJSON, oldest first.
//!
//! It is read and sent page by page, so a million events need no more memory than a thousand. Without a limit it ends with the event that
//! was the newest when the request came.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::Error;
use crate::app_state::SharedState;
use crate::http::auth::basic;
use crate::http::streaming_body;
use crate::store::{Cursor, Range, Stored};

/// How many events are read at a time.
const PAGE: usize = 500;

pub(super) async fn events(State(collector): State<SharedState>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Error> {
    let project = basic::owner(&collector.projects, &headers)?.id;
    let query = query.unwrap_or_default();
    let until = *collector.store.head().borrow();
    let range = Range { project, after: after(&query)?, until, limit: limit(&query)? };
    let first = page(&collector, range).await?;
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
    let body = if first.len() < PAGE || first.len() == range.limit { Body::from(lines(&first)) } else { rest(collector, range, first) };
    Ok((headers, body).into_response())
}

/// The first page is read before the status is sent, so that a store that cannot be read is told as an error. Afterwards an early end of
/// the connection is the only way to tell.
fn rest(collector: SharedState, range: Range, first: Vec<Stored>) -> Body {
    let (sender, body) = streaming_body::body();
    tokio::spawn(async move {
        if let Err(error) = send_all(&collector, range, first, &sender).await {
            tracing::error!(%error, "an export ended early");
        }
    });
    body
}

async fn send_all(collector: &SharedState, mut range: Range, first: Vec<Stored>, sender: &mpsc::Sender<Bytes>) -> Result<(), Error> {
    let mut events = first;
    while let Some(last) = events.last() {
        range.after = last.cursor;
        range.limit -= events.len();
        if sender.send(lines(&events)).await.is_err() {
            break;
        }
        events = page(collector, range).await?;
    }
    Ok(())
}

async fn page(collector: &SharedState, range: Range) -> Result<Vec<Stored>, Error> {
    collector.store.read(Range { limit: range.limit.min(PAGE), ..range }).await
}

fn lines(events: &[Stored]) -> Bytes {
    let mut out = String::with_capacity(events.iter().map(|event| event.json.len() + 1).sum());
    for event in events {
        out.push_str(&event.json);
        out.push('\n');
    }
    out.into()
}

fn after(query: &str) -> Result<Cursor, Error> {
    match parameter(query, "after") {
        None | Some("") => Ok(Cursor::START),
        Some(text) => {
            text.parse().map_err(|_| Error::BadField { field: "after", wanted: "a cursor of an earlier export", found: "another string" })
        }
    }
}

pub(super) fn limit(query: &str) -> Result<usize, Error> {
    match parameter(query, "limit") {
        None | Some("") => Ok(usize::MAX),
        Some(text) => match text.parse() {
            Ok(limit) if limit > 0 => Ok(limit),
            _ => Err(Error::BadField { field: "limit", wanted: "a whole number above zero", found: "another string" }),
        },
    }
}

/// Cursors and numbers hold nothing that would be percent-encoded.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}
