//! `GET /live/events`: a project's stored and rejected events as server-sent events.
//!
//! Each stream reads the event log at its own pace. A client that reads too slowly, or falls too far behind, is disconnected. Its browser
//! reconnects and gets the newest events instead of everything it missed. A stream ends when the secret that opened it becomes invalid, when
//! its project is retired, and when the keys are rotated.

use std::fmt::Write;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tillroll_protocol::json_writer;
use tokio::sync::{broadcast::error::RecvError, mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

use crate::Error;
use crate::app_state::SharedState;
use crate::http::routes::{protected_pages::authorize, query::parameter};
use crate::http::streaming_body;
use crate::projects::Owner;
use crate::store::{Cursor, ExportedEvent, Range};

/// The most earlier events that a client gets when it connects.
const MAX_REPLAY_EVENTS: usize = 1000;

/// How many events are read at a time.
const PAGE_EVENTS: usize = 250;

/// How many pages in a row a client may need to catch up with the log.
const MAX_CATCH_UP_PAGES: usize = 40;

/// How long a client may take to read what it was sent.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// The interval of keep-alive comments. Proxies close connections that are silent for longer.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// The interval in which an idle stream checks that its secret is still valid.
const AUTHORIZATION_INTERVAL: Duration = Duration::from_secs(5);

pub(super) async fn stream(
    State(state): State<SharedState>,
    RawQuery(query): RawQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let owner = authorize(&state, &uri, &headers)?;
    let key = state.keyring.current_id();
    let head = state.store.head();
    let now = *head.borrow();
    let after = start(&state, owner.id, &headers, query.as_deref().unwrap_or_default(), now).await?;
    let (sender, body) = streaming_body::channel();
    tokio::spawn(LiveStream { state, owner, key, after, head, sender }.run());
    // Without these headers some proxies buffer, compress or cache the stream.
    let headers =
        [(header::CONTENT_TYPE.as_str(), "text/event-stream"), ("cache-control", "no-store, no-transform"), ("x-accel-buffering", "no")];
    Ok((headers, body).into_response())
}

/// Returns where the stream begins: after the last event that the client has received, but at most the replay limit ago; or before the
/// last N events; or now.
async fn start(state: &SharedState, project: i64, headers: &HeaderMap, query: &str, now: Cursor) -> Result<Cursor, Error> {
    let last_received = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    if let Some(last_received) = last_received {
        return Ok(state.store.cursor_before_newest(project, MAX_REPLAY_EVENTS).await?.max(last_received));
    }
    match parameter(query, "last").map(|count| count.parse::<usize>()) {
        None | Some(Ok(0)) => Ok(now),
        Some(Ok(count)) => Ok(state.store.cursor_before_newest(project, count.min(MAX_REPLAY_EVENTS)).await?),
        Some(Err(_)) => Err(Error::BadField { field: "last", wanted: "a whole number", found: "another string" }),
    }
}

struct LiveStream {
    state: SharedState,
    owner: Owner,
    /// The signing key when the stream began.
    key: Option<String>,
    after: Cursor,
    head: watch::Receiver<Cursor>,
    sender: mpsc::Sender<Bytes>,
}

/// The client is disconnected, too slow, or no longer authorised.
struct Disconnected;

impl LiveStream {
    async fn run(mut self) {
        // Whatever the reason, the connection closes.
        let _ = self.send_events().await;
    }

    async fn send_events(&mut self) -> Result<(), Disconnected> {
        let mut closing = self.state.closing.clone();
        let mut rejections = self.state.rejections.subscribe();
        let mut hello = String::from("{");
        json_writer::push_field(&mut hello, "project", &self.owner.credentials.token);
        self.send(format!("retry: 1000\nevent: hello\ndata: {hello}}}\n\n")).await?;
        self.head.mark_changed();
        let mut keep_alive = interval_after(KEEP_ALIVE_INTERVAL);
        let mut authorization = interval_after(AUTHORIZATION_INTERVAL);
        while !*closing.borrow() {
            tokio::select! {
                changed = self.head.changed() => {
                    changed.map_err(|_| Disconnected)?;
                    self.catch_up().await?;
                }
                rejected = rejections.recv() => match rejected {
                    Ok(rejected) if rejected.project == self.owner.id => self.send(format!("event: rejected\ndata: {}\n\n", rejected.json)).await?,
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Err(Disconnected),
                },
                _ = keep_alive.tick() => self.send(String::from(": keep-alive\n\n")).await?,
                _ = authorization.tick() => self.check_authorization()?,
                _ = closing.changed() => {}
                () = self.sender.closed() => return Err(Disconnected),
            }
        }
        Ok(())
    }

    fn check_authorization(&self) -> Result<(), Disconnected> {
        let is_authorized = self.state.projects.is_current(&self.owner) && self.state.keyring.current_id() == self.key;
        if is_authorized { Ok(()) } else { Err(Disconnected) }
    }

    /// Sends the events that were stored since the last call.
    async fn catch_up(&mut self) -> Result<(), Disconnected> {
        for _ in 0..MAX_CATCH_UP_PAGES {
            let until: Cursor = *self.head.borrow_and_update();
            let range = Range { project: self.owner.id, after: self.after, until, limit: PAGE_EVENTS };
            let events = self.state.store.read(range).await.map_err(|_| Disconnected)?;
            self.after = if events.len() < PAGE_EVENTS { until } else { events.last().map_or(until, |event| event.cursor) };
            if !events.is_empty() {
                self.send(to_text(&events)).await?;
            }
            if events.len() < PAGE_EVENTS {
                return Ok(());
            }
        }
        Err(Disconnected)
    }

    async fn send(&self, text: String) -> Result<(), Disconnected> {
        self.check_authorization()?;
        timeout(SEND_TIMEOUT, self.sender.send(text.into())).await.map_err(|_| Disconnected)?.map_err(|_| Disconnected)
    }
}

/// Returns an interval whose first tick comes after one period.
fn interval_after(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn to_text(events: &[ExportedEvent]) -> String {
    let mut out = String::with_capacity(events.iter().map(|event| event.json.len() + 48).sum());
    for event in events {
        let _ = write!(out, "event: stored\nid: {}\ndata: {}\n\n", event.cursor, event.json);
    }
    out
}
