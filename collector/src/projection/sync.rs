//! Applies the store's changes to the projection, in large batches, in a task of its own.
//!
//! The task reads the changes after its watermark whenever the store announces new ones. Between two batches it waits a moment, so that
//! many small changes share one commit; a request for fresh records ends that wait.
//!
//! Requests go first: a step runs with a lower priority, and while many events arrive, the task pauses after each step. So a busy server answers
//! as fast as before, and the projection is further behind. While no changes arrive, the engine computes what the next query would compute first.
//!
//! A changed product makes the task reload the records that show it. The projection finds them, which costs the store's writer nothing. A
//! bestseller is in many records: they are reloaded one page at a time, and other changes go first. Until then the stored watermark stays
//! where it is, so after a restart the task reads the changes since then again.
//!
//! Of several collectors that share a database, one applies changes. The tasks of the others follow: they only read how far the database is,
//! so that each collector has its own lag, and its requests for fresh records wait for the one that writes.
//!
//! Only the server's end stops the task. A step that fails or panics changes nothing and is retried with a growing delay. If that does not
//! help, the engine is opened again, and then the projection is rebuilt.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::clock::Stopwatch;
use crate::priority::run_lowered;
use crate::projection::engine::AnalyticsEngine;
use crate::projection::error::ProjectionError;
use crate::projection::lag::SyncHealth;
use crate::projection::pace::Pace;
use crate::projection::product_resync::ProductResync;
use crate::projection::progress::Progress;
use crate::projection::source::{ChangeSource, Changes, Position, TrackedChanges};
use crate::projection::turn::Turn;

/// How often a follower reads how far the database is, while it is behind the store.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(250);
/// The delay after the first failure; each further failure doubles it.
const INITIAL_RETRY_DELAY: Duration = Duration::from_millis(100);
/// The longest delay after a failure.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(60);
/// The longest delay while a database does not answer, or after that: an attempt is cheap, and it may be back soon.
const MAX_OUTAGE_DELAY: Duration = Duration::from_secs(5);
/// Each time this many failures follow one another, the engine is opened again.
const REOPEN_AFTER_FAILURES: u64 = 3;
/// After this many consecutive failures the projection is rebuilt, once.
const REBUILD_AFTER_FAILURES: u64 = 9;

/// The position of a projection that is not there yet. Waiting requests must not take it for that of an empty store.
const NOT_FILLED: Position = Position { change: -1, event: -1, trimmed: -1 };

/// Starts the sync task. It runs until the sender of `head` is dropped. An engine that is not open yet is opened by the task, as soon as that
/// is possible and it is its turn.
pub fn start(
    engine: Arc<dyn AnalyticsEngine>,
    source: Box<dyn ChangeSource>,
    head: watch::Receiver<Position>,
    turn: Turn,
    pace: Pace,
    attribution_days: u32,
) -> Result<Progress, ProjectionError> {
    let (done, is_open) = match engine.watermark() {
        Ok(done) => (done, true),
        Err(ProjectionError::Unavailable(_)) => (NOT_FILLED, false),
        Err(error) => return Err(error),
    };
    let (skip_delay, health) = (Arc::new(Notify::new()), Arc::new(SyncHealth::default()));
    let (announce, announced) = watch::channel(done);
    let mut task = SyncTask {
        engine,
        source,
        turn,
        pace,
        attribution_days,
        announce,
        is_open,
        done,
        applied: done,
        catalog: 0,
        resync: ProductResync::default(),
        health: Arc::clone(&health),
    };
    if is_open {
        task.start_at(done, *head.borrow());
    }
    let progress = Progress { done: announced, head: head.clone(), skip_delay: Arc::clone(&skip_delay), health };
    tokio::spawn(task.run(head, skip_delay));
    Ok(progress)
}

struct SyncTask {
    engine: Arc<dyn AnalyticsEngine>,
    source: Box<dyn ChangeSource>,
    turn: Turn,
    pace: Pace,
    /// The window of the last touch that queries will have.
    attribution_days: u32,
    announce: watch::Sender<Position>,
    /// Whether the engine is open for writing.
    is_open: bool,
    /// The stored watermark.
    done: Position,
    /// The position up to which everything was applied; records of changed products may still be missing.
    applied: Position,
    /// The last product change that all records of the projection show, because they were read after it.
    catalog: i64,
    resync: ProductResync,
    health: Arc<SyncHealth>,
}

impl SyncTask {
    async fn run(mut self, mut head: watch::Receiver<Position>, skip_delay: Arc<Notify>) {
        let mut is_idle = false;
        loop {
            let target = *head.borrow_and_update();
            let is_behind = !self.done.reaches(target);
            if is_behind || is_idle {
                if is_behind {
                    self.health.mark_behind();
                }
                let (watch, before) = (Stopwatch::start(), self.applied.event);
                // The join fails only when the runtime shuts down.
                let Ok((task, pause)) = tokio::task::spawn_blocking(move || self.step(target)).await else { return };
                self = task;
                let (applied, arrived) = (self.applied.event - before, head.borrow().event - target.event);
                is_idle = pause.is_some();
                match pause {
                    Some(pause) => tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = store_closed(&mut head) => return,
                    },
                    None => {
                        // A shared database does its work elsewhere.
                        let pause = match self.engine.is_shared() {
                            true => Duration::ZERO,
                            false => self.pace.pause_for_requests(watch.elapsed(), applied, arrived),
                        };
                        if pause > Duration::ZERO {
                            self.health.record_pause();
                        }
                        // A batch costs about the same whatever its size, so changes also gather while they keep coming.
                        let delay = if self.done.reaches(target) { pause.max(self.pace.batch_delay) } else { pause };
                        wait_for_batch(&skip_delay, delay).await;
                    }
                }
            } else {
                match tokio::time::timeout(self.pace.idle_interval, head.changed()).await {
                    Ok(Ok(())) => wait_for_batch(&skip_delay, self.pace.batch_delay).await,
                    Ok(Err(_)) => return,
                    Err(_) => is_idle = true,
                }
            }
        }
    }

    /// Makes one step. Returns the pause before the next one, if there must be one.
    fn step(mut self, target: Position) -> (Self, Option<Duration>) {
        // A thread that cannot be started is a failure like others.
        let result = catch_unwind(AssertUnwindSafe(|| run_lowered(|| self.advance(target))));
        match result.unwrap_or_else(|panic| Err(ProjectionError::Engine(panic_message(&*panic)))) {
            Ok(()) => {
                let is_caught_up = self.done.reaches(target);
                self.health.record_success(is_caught_up);
                let waits_for_other = !self.is_open && !is_caught_up;
                (self, waits_for_other.then_some(FOLLOW_INTERVAL))
            }
            Err(error) => {
                let failures = self.health.record_failure();
                tracing::error!(?error, failures, "cannot apply changes to the projection");
                self.recover(&error, failures);
                let doublings = u32::try_from(failures - 1).unwrap_or(u32::MAX).min(16);
                let longest = if is_outage(&error) { MAX_OUTAGE_DELAY } else { MAX_RETRY_DELAY };
                (self, Some(INITIAL_RETRY_DELAY.saturating_mul(1 << doublings).min(longest)))
            }
        }
    }

    /// Checks the database and prepares for queries if there is nothing to do. Otherwise follows, opens the engine, or applies one batch, one re-sync page, or one of each.
    fn advance(&mut self, target: Position) -> Result<(), ProjectionError> {
        if self.done.reaches(target) {
            self.check()?;
            self.prepare();
            return Ok(());
        }
        if !self.turn.is_own() {
            return self.follow();
        }
        if !self.is_open {
            return self.open(false);
        }
        if !self.applied.reaches(target) {
            self.apply_changes(target)?;
        }
        // Under load there are always changes, which must not keep the re-sync from finishing.
        if self.done.change < self.applied.change { self.reload_page() } else { Ok(()) }
    }

    /// Looks whether a database that others can empty still has what it had. If not, the projection is behind again.
    fn check(&mut self) -> Result<(), ProjectionError> {
        if !self.engine.is_shared() {
            return Ok(());
        }
        let stored = self.engine.stored(&self.source.origin()?)?.unwrap_or(NOT_FILLED);
        if !stored.reaches(self.done) {
            tracing::warn!("the analytics database has lost what it had, and is filled again");
            self.is_open = false;
            self.set_done(stored);
        }
        Ok(())
    }

    /// Computes in advance what the next query needs. If that fails, the query reports it.
    fn prepare(&self) {
        if let Err(error) = self.engine.prepare(self.attribution_days) {
            tracing::warn!(%error, "cannot prepare the projection for queries");
        }
    }

    /// Reads how far another collector has filled the database.
    fn follow(&mut self) -> Result<(), ProjectionError> {
        self.is_open = false;
        let position = self.engine.follow(&self.source.origin()?)?;
        self.set_done(position.unwrap_or(NOT_FILLED));
        Ok(())
    }

    /// Opens the engine for writing, unless the database is ahead of the store: then the store has to catch up with the log of its group first.
    fn open(&mut self, rebuild: bool) -> Result<(), ProjectionError> {
        self.is_open = false;
        let origin = self.source.origin()?;
        match self.engine.reopen(rebuild, &origin) {
            Err(ProjectionError::Ahead(position)) => self.set_done(position),
            opened => {
                self.start_at(opened?, origin.head);
                self.is_open = true;
            }
        }
        Ok(())
    }

    fn apply_changes(&mut self, target: Position) -> Result<(), ProjectionError> {
        let Changes { documents, products, tracked, complete } = self.source.changes(self.applied, target)?;
        let catalog = self.catalog;
        let mut changed = products.into_iter().filter(|(change, _)| *change > catalog).map(|(_, product)| product).peekable();
        let is_complete = self.done.change == self.applied.change && changed.peek().is_none();
        let done = Position { change: if is_complete { complete.change } else { self.done.change }, ..complete };
        self.engine.apply(&documents, &tracked, done)?;
        if !complete.reaches(target) {
            tracing::info!(done = ?complete, of = ?target, "applying changes to the projection");
        }
        self.resync.add(changed);
        self.applied = complete;
        self.set_done(done);
        Ok(())
    }

    /// Reloads one page of the records that show changed products.
    fn reload_page(&mut self) -> Result<(), ProjectionError> {
        let documents = self.source.reload(self.resync.page(&*self.engine, self.applied.change)?)?;
        let change = self.resync.complete(self.applied.change).unwrap_or(self.done.change);
        let done = Position { change, ..self.done };
        self.engine.apply(&documents, &TrackedChanges { trimmed: done.trimmed, ..TrackedChanges::default() }, done)?;
        self.resync.advance();
        self.set_done(done);
        Ok(())
    }

    /// Opens the engine again, or rebuilds the projection, where retries alone did not help.
    fn recover(&mut self, error: &ProjectionError, failures: u64) {
        match error {
            // A position that does not hold is read again, by the next step, which also creates missing tables.
            ProjectionError::Moved | ProjectionError::Emptied(_) => return self.is_open = false,
            // Neither helps against a database that does not answer.
            ProjectionError::Unavailable(_) => return,
            _ if !failures.is_multiple_of(REOPEN_AFTER_FAILURES) || !self.turn.is_own() => return,
            _ => {}
        }
        let rebuild = failures == REBUILD_AFTER_FAILURES;
        tracing::warn!(rebuild, "opening the projection again");
        match catch_unwind(AssertUnwindSafe(|| run_lowered(|| self.open(rebuild)))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(?error, "cannot open the projection again"),
            Err(panic) => tracing::error!(error = panic_message(&*panic), "cannot open the projection again"),
        }
    }

    /// Starts after the position `done`. `head` is the newest position: an empty projection will show all products as they are then, or newer.
    fn start_at(&mut self, done: Position, head: Position) {
        self.resync = ProductResync::default();
        self.applied = done;
        self.catalog = if done.change == 0 { head.change } else { 0 };
        self.set_done(done);
    }

    fn set_done(&mut self, done: Position) {
        self.done = done;
        self.announce.send_replace(done);
    }
}

/// Returns whether the cause of an error is outside, and passes by itself.
fn is_outage(error: &ProjectionError) -> bool {
    matches!(error, ProjectionError::Unavailable(_) | ProjectionError::Emptied(_) | ProjectionError::Moved)
}

/// Lets changes gather, unless a request waits for them.
async fn wait_for_batch(skip_delay: &Notify, delay: Duration) {
    if delay > Duration::ZERO {
        let _ = tokio::time::timeout(delay, skip_delay.notified()).await;
    }
}

/// Waits until the store is closed.
async fn store_closed(head: &mut watch::Receiver<Position>) {
    while head.changed().await.is_ok() {}
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.unwrap_or_else(|| "no message".into()))
}

#[cfg(all(test, feature = "duckdb"))]
mod tests;
