//! `GET /live/events`: a project's events as they are stored, and its rejections, as server-sent events.
//!
//! A listener reads the log at its own pace. One that stops reading, or falls far behind, is let go; its browser comes back by itself and
//! is then given the newest events, not all that it missed.

use std::fmt::Write;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tillroll_protocol::json_writer;
use tokio::sync::{broadcast::error::RecvError, mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::Error;
use crate::app_state::SharedState;
use crate::http::routes::{export_events::parameter, protected_page::viewer};
use crate::http::streaming_body;
use crate::store::{Cursor, Range, Stored};

/// The most events that are shown again.
const REPLAY: usize = 1000;

/// How many events are read at a time.
const PAGE: usize = 250;

/// How many pages in a row a listener may take to come up with the log.
const PAGES_BEHIND: usize = 40;

/// How long a listener may take to read what it was sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long nothing may be sent; proxies cut what is silent for longer.
const SILENCE: Duration = Duration::from_secs(15);

pub(super) async fn listen(
    State(collector): State<SharedState>,
    RawQuery(query): RawQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let project = viewer(&collector, &uri, &headers)?;
    let (id, token) = (project.id, project.keys.token.clone());
    let head = collector.store.head();
    let now = *head.borrow();
    let after = beginning(&collector, id, &headers, query.as_deref().unwrap_or_default(), now).await?;
    let (sender, body) = streaming_body::body();
    tokio::spawn(Listener { collector, project: id, after, head, sender }.serve(token));
    // Some proxies hold back what they could pack or keep.
    let headers =
        [(header::CONTENT_TYPE.as_str(), "text/event-stream"), ("cache-control", "no-store, no-transform"), ("x-accel-buffering", "no")];
    Ok((headers, body).into_response())
}

/// After the last event that the listener has seen, but not longer ago than the replay goes; or before the last N; or now.
async fn beginning(collector: &SharedState, project: i64, headers: &HeaderMap, query: &str, now: Cursor) -> Result<Cursor, Error> {
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    if let Some(seen) = seen {
        return Ok(collector.store.before_newest(project, REPLAY).await?.max(seen));
    }
    match parameter(query, "last").map(str::parse::<usize>) {
        None | Some(Ok(0)) => Ok(now),
        Some(Ok(count)) => collector.store.before_newest(project, count.min(REPLAY)).await,
        Some(Err(_)) => Err(Error::BadField { field: "last", wanted: "a whole number", found: "another string" }),
    }
}

struct Listener {
    collector: SharedState,
    project: i64,
    after: Cursor,
    head: watch::Receiver<Cursor>,
    sender: mpsc::Sender<Bytes>,
}

/// The listener is gone, or too slow.
struct Gone;

impl Listener {
    async fn serve(mut self, token: String) {
        // How it ends is the same for everybody: the connection closes.
        let _ = self.talk(&token).await;
    }

    async fn talk(&mut self, token: &str) -> Result<(), Gone> {
        let mut closing = self.collector.closing.clone();
        let mut rejections = self.collector.live.listen();
        let mut hello = String::from("{");
        json_writer::push_field(&mut hello, "project", token);
        self.send(format!("retry: 1000\nevent: hello\ndata: {hello}}}\n\n")).await?;
        self.head.mark_changed();
        while !*closing.borrow() {
            tokio::select! {
                changed = self.head.changed() => {
                    changed.map_err(|_| Gone)?;
                    self.catch_up().await?;
                }
                rejected = rejections.recv() => match rejected {
                    Ok(rejected) if rejected.project == self.project => self.send(format!("event: rejected\ndata: {}\n\n", rejected.json)).await?,
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Err(Gone),
                },
                () = sleep(SILENCE) => self.send(String::from(": still here\n\n")).await?,
                _ = closing.changed() => {}
                () = self.sender.closed() => return Err(Gone),
            }
        }
        Ok(())
    }

    /// Sends what was stored since the last time.
    async fn catch_up(&mut self) -> Result<(), Gone> {
        for _ in 0..PAGES_BEHIND {
            let until: Cursor = *self.head.borrow_and_update();
            let range = Range { project: self.project, after: self.after, until, limit: PAGE };
            let events = self.collector.store.read(range).await.map_err(|_| Gone)?;
            self.after = if events.len() < PAGE { until } else { events.last().map_or(until, |event| event.cursor) };
            if !events.is_empty() {
                self.send(text(&events)).await?;
            }
            if events.len() < PAGE {
                return Ok(());
            }
        }
        Err(Gone)
    }

    async fn send(&self, text: String) -> Result<(), Gone> {
        timeout(PATIENCE, self.sender.send(text.into())).await.map_err(|_| Gone)?.map_err(|_| Gone)
    }
}

fn text(events: &[Stored]) -> String {
    let mut out = String::with_capacity(events.iter().map(|event| event.json.len() + 48).sum());
    for event in events {
        let _ = write!(out, "event: stored\nid: {}\ndata: {}\n\n", event.cursor, event.json);
    }
    out
}
