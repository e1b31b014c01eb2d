//! Decides when the next request starts, and what the end of a request means.
//!
//! At most one request is in flight, so the collector stores events in the order of the calls. The first event waits for a batching
//! delay; after a failure [`backoff`] sets the delay. One of several tabs is the leader and sends for all. The other tabs wait longer and
//! then send what the leader has not sent, because the browser may have frozen the leader's tab.

use tillroll_protocol::batch::BatchResponse;

use crate::input::SendResult;
use crate::{Millis, backoff, batcher};

/// How long the leader waits for more events to put into the same batch.
pub const BATCH_DELAY_MS: Millis = 500;

/// How long another tab waits for the leader to send its events.
pub const LEADER_TIMEOUT_MS: Millis = 15_000;

/// How long a request may take before it counts as failed.
pub const REQUEST_TIMEOUT_MS: Millis = 10_000;

/// What the end of a request means for its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The collector has stored or rejected them: delete them.
    Acked,
    /// The collector rejects the project's token: delete them, and send nothing until the next page.
    ProjectRejected,
    /// The collector rejects this body: send fewer events at a time, and drop an event that is rejected alone.
    BodyRejected,
    /// It is unknown whether the collector stored them: send them again later.
    Retry,
}

/// Returns what the result of a request means.
///
/// A 2xx status counts only if the body starts as the collector's JSON does: a captive portal answers every request with 200.
pub fn classify(result: &SendResult) -> SendOutcome {
    match result.status {
        200..=299 if result.body.starts_with(BatchResponse::JSON_PREFIX) => SendOutcome::Acked,
        401..=403 => SendOutcome::ProjectRejected,
        400 | 413 => SendOutcome::BodyRejected,
        _ => SendOutcome::Retry,
    }
}

/// A request that has no result yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The number of the request.
    pub request: u32,
    /// The keys of its events.
    pub keys: Vec<String>,
}

/// A time that never comes.
pub const NEVER: Millis = Millis::MAX;

/// The state of sending.
#[derive(Debug)]
pub struct Delivery {
    in_flight: Option<InFlight>,
    last_request: u32,
    /// Consecutive failures.
    failures: u32,
    /// When the request in flight times out; without one, when the next request starts.
    due: Millis,
    /// The time for which the tracker has set its timer.
    timer: Millis,
    /// How long an event waits: [`BATCH_DELAY_MS`] in the leader's tab, [`LEADER_TIMEOUT_MS`] in the others.
    delay: Millis,
    max_events: usize,
    is_open: bool,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            in_flight: None,
            last_request: 0,
            failures: 0,
            due: NEVER,
            timer: NEVER,
            delay: BATCH_DELAY_MS,
            max_events: 0,
            is_open: false,
        }
    }
}

impl Delivery {
    /// Allows requests from now on.
    pub fn open(&mut self) {
        self.is_open = true;
        self.max_events = batcher::MAX_EVENTS;
    }

    /// Schedules a request after the delay, unless one is scheduled already.
    pub fn schedule(&mut self, now: Millis) {
        if self.due == NEVER {
            self.due = now.saturating_add(self.delay);
        }
    }

    /// Sets whether this tab is the leader; returns whether that changed.
    pub fn set_leader(&mut self, now: Millis, is_leader: bool) -> bool {
        let delay = if is_leader { BATCH_DELAY_MS } else { LEADER_TIMEOUT_MS };
        let has_changed = delay != std::mem::replace(&mut self.delay, delay);
        if has_changed && self.due != NEVER && self.in_flight.is_none() && self.failures == 0 {
            self.due = now.saturating_add(delay);
        }
        has_changed
    }

    /// Returns whether this tab is the leader.
    pub fn is_leader(&self) -> bool {
        self.delay == BATCH_DELAY_MS
    }

    /// Schedules the next request at `due`, which may be now. A backoff delay is not shortened.
    pub fn send_at(&mut self, due: Millis) {
        if self.failures == 0 && self.in_flight.is_none() {
            self.due = due;
        }
    }

    /// Ends the backoff: the connection or the page is back.
    pub fn retry(&mut self, now: Millis) {
        self.failures = 0;
        self.send_at(now.saturating_add(self.delay - BATCH_DELAY_MS));
    }

    /// Returns the greatest number of events for the next request; None if no request may start now.
    pub fn ready(&self, now: Millis) -> Option<usize> {
        (self.is_open && self.in_flight.is_none() && self.due <= now).then_some(self.max_events)
    }

    /// Records that a request with the events of `keys` starts; returns its number.
    pub fn start(&mut self, now: Millis, keys: Vec<String>) -> u32 {
        self.last_request = self.last_request.wrapping_add(1);
        self.in_flight = Some(InFlight { request: self.last_request, keys });
        self.due = now.saturating_add(REQUEST_TIMEOUT_MS);
        self.last_request
    }

    /// Ends the request of this number and returns it; None if that request is not in flight.
    pub fn complete(&mut self, request: u32) -> Option<InFlight> {
        self.in_flight.take_if(|in_flight| in_flight.request == request)
    }

    /// Handles the timer: ends the request in flight if it timed out, and returns it.
    pub fn take_timed_out(&mut self, now: Millis) -> Option<InFlight> {
        self.timer = NEVER;
        if self.due <= now { self.in_flight.take() } else { None }
    }

    /// Ends the request in flight without counting a failure: its response was lost while the page was frozen.
    pub fn abandon(&mut self) {
        self.in_flight = None;
        self.due = NEVER;
    }

    /// Applies the outcome of a request that had `sent` events. `jitter` spreads the delays, see [`backoff::delay`].
    pub fn apply(&mut self, outcome: SendOutcome, now: Millis, sent: usize, jitter: u8, retry_after: Option<Millis>) {
        self.due = now;
        match outcome {
            SendOutcome::Acked => {
                self.failures = 0;
                self.max_events = batcher::MAX_EVENTS;
            }
            SendOutcome::BodyRejected => self.max_events = (sent / 2).max(1),
            SendOutcome::ProjectRejected => {
                self.is_open = false;
                self.due = NEVER;
            }
            SendOutcome::Retry => {
                self.failures = self.failures.saturating_add(1);
                self.due = now.saturating_add(backoff::delay(self.failures, jitter, retry_after));
            }
        }
    }

    /// Returns whether requests are allowed.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Returns whether the last request failed.
    pub fn is_backing_off(&self) -> bool {
        self.failures > 0
    }

    /// Returns the new time for the tracker's timer, or [`NEVER`] for none; None if the timer is already set so.
    pub fn update_timer(&mut self, is_queue_empty: bool) -> Option<Millis> {
        let is_idle = self.in_flight.is_none() && (is_queue_empty || !self.is_open);
        // The next event gets the full batching delay again.
        if is_idle && self.failures == 0 {
            self.due = NEVER;
        }
        let time = if is_idle { NEVER } else { self.due };
        (time != std::mem::replace(&mut self.timer, time)).then_some(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(status: u16, body: &str) -> SendResult {
        SendResult { status, body: body.into(), ..SendResult::default() }
    }

    #[test]
    fn only_a_response_of_the_collector_acknowledges_events() {
        let table = [
            (200, r#"{"accepted":1,"duplicates":0,"rejected":[]}"#, SendOutcome::Acked),
            (200, "<html>Welcome to our hotel</html>", SendOutcome::Retry),
            (204, "", SendOutcome::Retry),
            (0, "", SendOutcome::Retry),
            (400, "", SendOutcome::BodyRejected),
            (401, "", SendOutcome::ProjectRejected),
            (402, "", SendOutcome::ProjectRejected),
            (403, "", SendOutcome::ProjectRejected),
            (404, "", SendOutcome::Retry),
            (408, "", SendOutcome::Retry),
            (413, "", SendOutcome::BodyRejected),
            (429, "", SendOutcome::Retry),
            (503, "", SendOutcome::Retry),
        ];
        for (status, body, outcome) in table {
            assert_eq!(classify(&result(status, body)), outcome, "{status} {body}");
        }
    }

    #[test]
    fn second_request_waits_for_the_result_of_the_first() {
        let mut delivery = Delivery::default();
        delivery.schedule(0);
        assert_eq!(delivery.ready(BATCH_DELAY_MS), None);
        delivery.open();
        assert_eq!(delivery.ready(BATCH_DELAY_MS - 1), None);
        assert_eq!(delivery.ready(BATCH_DELAY_MS), Some(batcher::MAX_EVENTS));
        let request = delivery.start(BATCH_DELAY_MS, vec!["1".into()]);
        delivery.send_at(BATCH_DELAY_MS);
        assert_eq!(delivery.ready(BATCH_DELAY_MS), None);
        assert_eq!(delivery.update_timer(false), Some(BATCH_DELAY_MS + REQUEST_TIMEOUT_MS));
        assert_eq!(delivery.complete(request + 1), None);
        assert!(delivery.complete(request).is_some());
        delivery.apply(SendOutcome::Acked, BATCH_DELAY_MS, 1, 0, None);
        assert_eq!(delivery.ready(BATCH_DELAY_MS), Some(batcher::MAX_EVENTS));
    }

    #[test]
    fn tab_that_is_not_the_leader_waits_for_the_leader_timeout() {
        let mut delivery = Delivery::default();
        delivery.open();
        delivery.schedule(0);
        assert!(delivery.set_leader(100, false) && !delivery.set_leader(200, false));
        let ready = [LEADER_TIMEOUT_MS - 1, LEADER_TIMEOUT_MS].map(|after| delivery.ready(100 + after));
        assert_eq!(ready, [None, Some(batcher::MAX_EVENTS)]);
        delivery.retry(200);
        assert_eq!(delivery.ready(200), None);
        assert!(delivery.set_leader(300, true) && delivery.is_leader());
        assert_eq!(delivery.update_timer(false), Some(300 + BATCH_DELAY_MS));
        delivery.send_at(400);
        assert_eq!(delivery.ready(400), Some(batcher::MAX_EVENTS));
    }

    #[test]
    fn new_connection_ends_the_backoff_but_a_flush_does_not() {
        let mut delivery = Delivery::default();
        delivery.open();
        delivery.apply(SendOutcome::Retry, 0, 1, 0, Some(60_000));
        delivery.send_at(1);
        assert_eq!(delivery.update_timer(false), Some(60_000));
        delivery.retry(2);
        assert_eq!(delivery.update_timer(false), Some(2));
    }
}
