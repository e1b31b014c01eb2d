//! Forwards a project's events to the vendor's server that the shop also uses.
//!
//! It reads the durable event log, so no page waits for it and a restart loses nothing. Events are sent in order, one request at a time.
//! The position is stored after each response: a crash can repeat one request, which has its event's id, and loses none. A request that fails
//! for too long is set aside and sent again once the server has accepted another one.

mod client;
mod delivery;
mod position;
mod target;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::sync::watch;

use crate::AppState;
use crate::store::{Cursor, Range};
use client::ForwardClient;
use delivery::{Delivered, Delivery, delay, request_id};
use position::{ForwardPosition, Progress, ProgressFile, ProgressStore, SetAside};
pub(crate) use target::{Target, check_urls, targets};

/// How often a node that is not the leader copies the position of the group to its file.
const COPY_INTERVAL: Duration = Duration::from_secs(1);

/// How many events are read at a time.
const PAGE_EVENTS: usize = 100;

/// The most requests that are set aside at a time. Each has taken the whole time for retries, so this is rarely reached.
const MAX_SET_ASIDE: usize = 1_000;

/// How often a request that was set aside is sent again, if the server does not answer it but others.
const MAX_ATTEMPTS: u32 = 3;

/// Converts a stored event into the vendor's requests.
pub(crate) type Translate = fn(&Value) -> Vec<Value>;

/// How events are forwarded.
#[derive(Clone, Copy)]
pub(crate) struct ForwardRules {
    /// Returns the requests for an exported event.
    pub(crate) translate: Translate,
    /// How long a request is retried before it is set aside.
    pub(crate) retry_time: Duration,
}

/// Starts to forward to each target. A project without a stored position begins with its next event.
pub(crate) fn start(targets: Vec<Target>, folder: &Path, state: &Arc<AppState>, rules: ForwardRules) -> anyhow::Result<()> {
    for target in targets {
        let head = *state.store.head().borrow();
        let context = || format!("cannot start forwarding from the data folder {}; make it readable and writable", folder.display());
        let (file, progress) = ProgressFile::open(folder, &target.token, head).with_context(context)?;
        let shared = state.node.as_ref().map(|node| node.shared_value("forward", &target.token));
        let place = ProgressStore { file, shared };
        let client = ForwardClient::start(target.url, target.authorization).with_context(context)?;
        let delivery = Delivery::new(client, rules.retry_time, state.leadership.clone());
        let translate = rules.translate;
        let forwarder = Forwarder { state: Arc::clone(state), project: target.project, place, progress, delivery, translate, term: 0 };
        tokio::spawn(forwarder.run());
    }
    Ok(())
}

struct Forwarder {
    state: Arc<AppState>,
    project: i64,
    place: ProgressStore,
    progress: Progress,
    delivery: Delivery,
    translate: Translate,
    /// The fencing number of the term as leader in which it sends.
    term: u64,
}

impl Forwarder {
    async fn run(mut self) {
        let mut closing = self.state.closing.clone();
        let head = self.state.store.head();
        tokio::select! {
            () = self.lead(head) => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }

    /// Forwards whenever this collector is the leader of its group; one without a group always is.
    async fn lead(&mut self, head: watch::Receiver<Cursor>) {
        loop {
            self.term = self.wait_for_term().await;
            match self.place.reload(&mut self.progress).await {
                Ok(()) => {
                    self.follow(head.clone()).await;
                    if head.has_changed().is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "forwarding cannot begin; retrying later");
                    tokio::time::sleep(delay(1, None)).await;
                }
            }
        }
    }

    /// Waits until this collector is the leader, and copies the position of the group meanwhile.
    async fn wait_for_term(&mut self) -> u64 {
        let leadership = self.state.leadership.clone();
        loop {
            if let Ok(term) = tokio::time::timeout(COPY_INTERVAL, leadership.lead()).await {
                return term;
            }
            if let Err(error) = self.place.copy(&mut self.progress).await {
                tracing::debug!(error = format!("{error:#}"), "the position of forwarding was not copied");
            }
        }
    }

    /// Forwards until the store closes, or until the term ends.
    async fn follow(&mut self, mut head: watch::Receiver<Cursor>) {
        let mut failures = 0;
        while self.state.leadership.fence() == Some(self.term) {
            let until = *head.borrow_and_update();
            match self.forward_page(until).await {
                Ok(0) => {
                    if head.changed().await.is_err() {
                        return;
                    }
                }
                Ok(_) => failures = 0,
                // Another node may have taken over, with a position of its own.
                Err(error) if self.state.node.is_some() => {
                    tracing::warn!(error = format!("{error:#}"), "forwarding was interrupted");
                    tokio::time::sleep(delay(1, None)).await;
                    return;
                }
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "forwarding failed; retrying later");
                    failures += 1;
                    tokio::time::sleep(delay(failures, None)).await;
                }
            }
        }
    }

    /// Sends the next page of events up to `until`, and returns how many events it had.
    async fn forward_page(&mut self, until: Cursor) -> anyhow::Result<usize> {
        let range = Range { project: self.project, after: self.progress.position.after, until, limit: PAGE_EVENTS };
        let events = self.state.store.read(range).await?;
        for event in &events {
            let exported = serde_json::from_str(&event.json).unwrap_or(Value::Null);
            for request in (self.translate)(&exported).into_iter().skip(self.progress.position.sent) {
                self.forward(&request, event.cursor).await?;
            }
            self.progress.position = ForwardPosition { after: event.cursor, sent: 0 };
        }
        if !events.is_empty() {
            self.save().await?;
        }
        Ok(events.len())
    }

    /// Sends the request at the current position, and advances.
    async fn forward(&mut self, request: &Value, event: Cursor) -> anyhow::Result<()> {
        let telemetry = Arc::clone(&self.state.telemetry);
        let delivered = self.delivery.deliver(request, &telemetry, self.term).await;
        if delivered == Delivered::TermEnded {
            bail!("this node is no longer the leader");
        }
        let position = self.progress.position;
        self.progress.position.sent += 1;
        if delivered == Delivered::Answered {
            self.save().await?;
            return self.retry_set_aside().await;
        }
        tracing::error!(request_id = request_id(request), "an event cannot be forwarded for too long; it is set aside");
        telemetry.forwarded("set_aside");
        self.progress.set_aside.push_back(SetAside { position, event, attempts: 0 });
        if self.progress.set_aside.len() > MAX_SET_ASIDE {
            self.progress.set_aside.pop_front();
            tracing::error!("too many events are set aside; the oldest is not forwarded");
            telemetry.forwarded("dropped");
        }
        self.save().await
    }

    /// Sends each request that was set aside again. The server works, so one that fails is dropped.
    async fn retry_set_aside(&mut self) -> anyhow::Result<()> {
        let telemetry = Arc::clone(&self.state.telemetry);
        while let Some(mut set_aside) = self.progress.set_aside.pop_front() {
            let request = self.request_of(&set_aside).await?;
            set_aside.attempts += 1;
            let delivered = match &request {
                Some(request) => self.delivery.deliver_once(request, &telemetry, self.term).await,
                // The event was erased, or has left the log.
                None => Delivered::Failed,
            };
            if delivered == Delivered::TermEnded {
                bail!("this node is no longer the leader");
            }
            let is_unavailable = delivered == Delivered::Unavailable && set_aside.attempts < MAX_ATTEMPTS;
            if is_unavailable {
                self.progress.set_aside.push_front(set_aside);
            } else if delivered != Delivered::Answered {
                let request_id = request.as_ref().map(request_id);
                tracing::error!(request_id, "an event that was set aside is not forwarded");
                telemetry.forwarded("dropped");
            }
            self.save().await?;
            if is_unavailable {
                break;
            }
        }
        Ok(())
    }

    /// Returns a request that was set aside, if its event is still in the log.
    async fn request_of(&self, SetAside { position, event, .. }: &SetAside) -> anyhow::Result<Option<Value>> {
        let range = Range { project: self.project, after: position.after, until: *event, limit: 1 };
        let events = self.state.store.read(range).await?;
        let Some(found) = events.first().filter(|found| found.cursor == *event) else { return Ok(None) };
        let exported = serde_json::from_str(&found.json).unwrap_or(Value::Null);
        Ok((self.translate)(&exported).into_iter().nth(position.sent))
    }

    async fn save(&mut self) -> anyhow::Result<()> {
        self.place.save(&self.progress).await
    }
}
