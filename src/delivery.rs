//! Decides when the next request starts, and what the end of a request means.
//!
//! At most one request is in flight, so the collector stores events in the order of the calls. The first event waits for a batching
//! delay; after a failure [`backoff`] sets the delay. One of several tabs is the leader and sends for all. The other tabs wait longer and
//! then send what the leader has not sent, because the browser may have frozen the leader's tab.

use tillroll_protocol::batch_response::BatchResponse;

use crate::input::SendResult;
use crate::{Millis, backoff, batcher};

/// How long the leader waits for more events to put into the same batch.
pub const BATCH_DELAY_MS: Millis = 500;

/// How long another tab waits for the leader to send its events.
pub const LEADER_TIMEOUT_MS: Millis = 15_000;

/// How long a request may take before it counts as failed.
pub const REQUEST_TIMEOUT_MS: Millis = 10_000;

/// What the end of a request means for its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The collector has stored or rejected them: delete them.
    Acked,
    /// The collector rejects the project's token: delete them, and send nothing until the next page.
    ProjectRejected,
    /// The body is too large: send fewer calls at a time, and drop a call that is rejected alone.
    TooLarge,
    /// The collector does not read this [form](tillroll_protocol::calls_request::FORM) of calls, because it is older than the page's script: keep
    /// the calls, and send them again later.
    UnknownForm,
    /// It is unknown whether the collector stored them: send them again later.
    Retry,
}

/// How an error of the collector starts.
const ERROR_PREFIX: &str = "{\"error\":";

/// Returns what the result of a request means.
///
/// Success, and the rejection of the project, count only if the body starts as the collector's JSON does: a captive portal answers every request
/// with 200, and a proxy in front of the collector may answer with a login page or a CAPTCHA.
pub fn classify(result: &SendResult<'_>) -> SendOutcome {
    match result.status {
        200..=299 if result.body.starts_with(BatchResponse::JSON_PREFIX) => SendOutcome::Acked,
        401..=403 if result.body.starts_with(ERROR_PREFIX) => SendOutcome::ProjectRejected,
        400 => SendOutcome::UnknownForm,
        413 => SendOutcome::TooLarge,
        _ => SendOutcome::Retry,
    }
}

/// A request that has no result yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The keys of its calls, separated by commas.
    pub keys: String,
    /// How many they are.
    pub count: usize,
}

/// A time that never comes.
pub const NEVER: Millis = Millis::MAX;

/// The state of sending.
#[derive(Debug)]
pub struct Delivery {
    in_flight: Option<InFlight>,
    /// Consecutive failures.
    failures: u32,
    /// When the request in flight times out; without one, when the next request starts.
    due: Millis,
    /// The time for which the tracker has set its timer.
    timer: Millis,
    /// How long an event waits: [`BATCH_DELAY_MS`] in the leader's tab, [`LEADER_TIMEOUT_MS`] in the others.
    delay: Millis,
    max_calls: usize,
    is_open: bool,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { in_flight: None, failures: 0, due: NEVER, timer: NEVER, delay: BATCH_DELAY_MS, max_calls: 0, is_open: false }
    }
}

impl Delivery {
    /// Allows requests from now on.
    pub fn open(&mut self) {
        self.is_open = true;
        self.max_calls = batcher::MAX_CALLS;
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
        (self.is_open && self.in_flight.is_none() && self.due <= now).then_some(self.max_calls)
    }

    /// Records that a request starts.
    pub fn start(&mut self, now: Millis, request: InFlight) {
        self.in_flight = Some(request);
        self.due = now.saturating_add(REQUEST_TIMEOUT_MS);
    }

    /// Ends the request in flight and returns it.
    pub fn complete(&mut self) -> Option<InFlight> {
        self.in_flight.take()
    }

    /// Handles the timer: ends the request in flight, which timed out, and returns it. The timer counts even if the clock was set back meanwhile.
    pub fn take_timed_out(&mut self, now: Millis) -> Option<InFlight> {
        self.timer = NEVER;
        self.due = self.due.min(now);
        self.in_flight.take()
    }

    /// Ends the request in flight without counting a failure: its response was lost while the page was frozen.
    pub fn abandon(&mut self) {
        self.in_flight = None;
        self.due = NEVER;
    }

    /// Applies the outcome of a request that had `sent` events. The millisecond in which it ends spreads the delays of many pages.
    pub fn apply(&mut self, outcome: SendOutcome, now: Millis, sent: usize, retry_after: Millis) {
        self.due = now;
        match outcome {
            SendOutcome::Acked => {
                self.failures = 0;
                self.max_calls = batcher::MAX_CALLS;
            }
            SendOutcome::TooLarge => self.max_calls = (sent / 2).max(1),
            SendOutcome::ProjectRejected => {
                self.is_open = false;
                self.due = NEVER;
            }
            SendOutcome::Retry | SendOutcome::UnknownForm => {
                self.failures = self.failures.saturating_add(1);
                self.due = now.saturating_add(backoff::delay(self.failures, now as u8, retry_after));
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

    fn result(status: u16, body: &str) -> SendResult<'_> {
        SendResult { status, body, ..SendResult::default() }
    }

    #[test]
    fn only_a_response_of_the_collector_acknowledges_events() {
        let table = [
            (200, r#"{"accepted":1,"duplicates":0,"rejected":[]}"#, SendOutcome::Acked),
            (200, "<html>Welcome to our hotel</html>", SendOutcome::Retry),
            (204, "", SendOutcome::Retry),
            (0, "", SendOutcome::Retry),
            (400, "", SendOutcome::UnknownForm),
            (401, r#"{"error":{"code":"unknown_token"}}"#, SendOutcome::ProjectRejected),
            (403, r#"{"error":{}}"#, SendOutcome::ProjectRejected),
            (403, "<html>Just a moment...</html>", SendOutcome::Retry),
            (401, "", SendOutcome::Retry),
            (404, "", SendOutcome::Retry),
            (408, "", SendOutcome::Retry),
            (413, "", SendOutcome::TooLarge),
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
        assert_eq!(delivery.ready(BATCH_DELAY_MS), Some(batcher::MAX_CALLS));
        delivery.start(BATCH_DELAY_MS, InFlight { keys: "1".into(), count: 1 });
        delivery.send_at(BATCH_DELAY_MS);
        assert_eq!(delivery.ready(BATCH_DELAY_MS), None);
        assert_eq!(delivery.update_timer(false), Some(BATCH_DELAY_MS + REQUEST_TIMEOUT_MS));
        assert!(delivery.complete().is_some());
        assert_eq!(delivery.complete(), None);
        delivery.apply(SendOutcome::Acked, BATCH_DELAY_MS, 1, 0);
        assert_eq!(delivery.ready(BATCH_DELAY_MS), Some(batcher::MAX_CALLS));
    }

    #[test]
    fn tab_that_is_not_the_leader_waits_for_the_leader_timeout() {
        let mut delivery = Delivery::default();
        delivery.open();
        delivery.schedule(0);
        assert!(delivery.set_leader(100, false) && !delivery.set_leader(200, false));
        let ready = [LEADER_TIMEOUT_MS - 1, LEADER_TIMEOUT_MS].map(|after| delivery.ready(100 + after));
        assert_eq!(ready, [None, Some(batcher::MAX_CALLS)]);
        delivery.retry(200);
        assert_eq!(delivery.ready(200), None);
        assert!(delivery.set_leader(300, true) && delivery.is_leader());
        assert_eq!(delivery.update_timer(false), Some(300 + BATCH_DELAY_MS));
        delivery.send_at(400);
        assert_eq!(delivery.ready(400), Some(batcher::MAX_CALLS));
    }

    #[test]
    fn timer_ends_the_backoff_even_if_the_clock_was_set_back() {
        let mut delivery = Delivery::default();
        delivery.open();
        delivery.apply(SendOutcome::Retry, 3_600_000, 1, 0);
        assert_eq!(delivery.take_timed_out(1_000), None);
        assert_eq!(delivery.ready(1_000), Some(batcher::MAX_CALLS));
    }

    #[test]
    fn new_connection_ends_the_backoff_but_a_flush_does_not() {
        let mut delivery = Delivery::default();
        delivery.open();
        delivery.apply(SendOutcome::Retry, 0, 1, 60_000);
        delivery.send_at(1);
        assert_eq!(delivery.update_timer(false), Some(60_000));
        delivery.retry(2);
        assert_eq!(delivery.update_timer(false), Some(2));
    }
}
