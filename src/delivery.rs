//! When the next request goes out, and what its end means.
//!
//! One request is under way at a time, so that the collector stores events in the order of the calls. The first event waits a moment
//! for company; after a failure [`backoff`] says how long. Of several tabs one owns the queue and sends for all; the others give it time, and
//! then send what it has not got rid of, because a tab that sleeps says nothing.

use tillroll_protocol::batch;

use crate::input::Answer;
use crate::{Millis, backoff, batch as batching};

/// How long an event waits for others to share its request.
pub const GATHER: Millis = 500;

/// How long an event waits for another tab that owns the queue to send it.
pub const TRUST: Millis = 15_000;

/// How long a request may take before it counts as failed.
pub const PATIENCE: Millis = 10_000;

/// What the end of a request means for its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The collector has dealt with them: forget them.
    Taken,
    /// The collector will not hear of this project: forget them, and be silent until the next page.
    Refused,
    /// The collector cannot take this body: send less at a time, and drop what it cannot take alone.
    TooMuch,
    /// Nothing is known of them: send them again later.
    Unknown,
}

/// Returns what an answer means.
///
/// A success counts only if it speaks as the collector does: a hotel's portal answers 200 to everything.
pub fn verdict(answer: &Answer) -> Verdict {
    match answer.status {
        200..=299 if answer.body.starts_with(batch::BatchResponse::JSON_PREFIX) => Verdict::Taken,
        401..=403 => Verdict::Refused,
        400 | 413 => Verdict::TooMuch,
        _ => Verdict::Unknown,
    }
}

/// A request that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flight {
    /// Its number.
    pub request: u32,
    /// The keys of its events.
    pub keys: Vec<String>,
}

/// A moment that never comes.
pub const NEVER: Millis = Millis::MAX;

/// The state of sending.
#[derive(Debug)]
pub struct Delivery {
    flight: Option<Flight>,
    requests: u32,
    failures: u32,
    /// When the request under way has taken too long; where none is, when the next one goes out.
    due: Millis,
    /// For when the tracker asked to be woken.
    alarm: Millis,
    /// How long an event waits: [`GATHER`] where this tab owns the queue, else [`TRUST`].
    pause: Millis,
    most: usize,
    open: bool,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { flight: None, requests: 0, failures: 0, due: NEVER, alarm: NEVER, pause: GATHER, most: 0, open: false }
    }
}

impl Delivery {
    /// Begins: from now on requests may go out.
    pub fn open(&mut self) {
        self.open = true;
        self.most = batching::EVENTS;
    }

    /// Takes note that something waits to be sent.
    pub fn schedule(&mut self, now: Millis) {
        if self.due == NEVER {
            self.due = now.saturating_add(self.pause);
        }
    }

    /// Takes note whether this tab owns the queue; returns whether that is news.
    pub fn own(&mut self, now: Millis, owns: bool) -> bool {
        let pause = if owns { GATHER } else { TRUST };
        let is_news = pause != std::mem::replace(&mut self.pause, pause);
        if is_news && self.due != NEVER && self.flight.is_none() && self.failures == 0 {
            self.due = now.saturating_add(pause);
        }
        is_news
    }

    /// Returns whether this tab owns the queue.
    pub fn owns(&self) -> bool {
        self.pause == GATHER
    }

    /// Asks that the next request go out at `due`, as soon as now; a wait that failures caused is not cut short.
    pub fn hurry(&mut self, due: Millis) {
        if self.failures == 0 && self.flight.is_none() {
            self.due = due;
        }
    }

    /// Forgets failures: the connection is back, or the page is.
    pub fn retry(&mut self, now: Millis) {
        self.failures = 0;
        self.hurry(now.saturating_add(self.pause - GATHER));
    }

    /// Returns the most events that the next request may hold, if one may go out now.
    pub fn ready(&self, now: Millis) -> Option<usize> {
        (self.open && self.flight.is_none() && self.due <= now).then_some(self.most)
    }

    /// Takes note that a request goes out with the events of `keys`; returns its number.
    pub fn depart(&mut self, now: Millis, keys: Vec<String>) -> u32 {
        self.requests = self.requests.wrapping_add(1);
        self.flight = Some(Flight { request: self.requests, keys });
        self.due = now.saturating_add(PATIENCE);
        self.requests
    }

    /// Returns the request that an answer belongs to, which is not under way any more; None for an answer that nobody waits for.
    pub fn arrive(&mut self, request: u32) -> Option<Flight> {
        self.flight.take_if(|flight| flight.request == request)
    }

    /// Takes note that the alarm went off. Returns the request that took too long, which is not under way any more.
    pub fn overdue(&mut self, now: Millis) -> Option<Flight> {
        self.alarm = NEVER;
        if self.due <= now { self.flight.take() } else { None }
    }

    /// Gives up the request under way without holding it against anybody: the page was away and never heard.
    pub fn forsake(&mut self) {
        self.flight = None;
        self.due = NEVER;
    }

    /// Draws the lesson from a request's end. `chance` spreads the waits, see [`backoff::wait`].
    pub fn learn(&mut self, verdict: Verdict, now: Millis, sent: usize, chance: u8, retry_after: Option<Millis>) {
        self.due = now;
        match verdict {
            Verdict::Taken => {
                self.failures = 0;
                self.most = batching::EVENTS;
            }
            Verdict::TooMuch => self.most = (sent / 2).max(1),
            Verdict::Refused => {
                self.open = false;
                self.due = NEVER;
            }
            Verdict::Unknown => {
                self.failures = self.failures.saturating_add(1);
                self.due = now.saturating_add(backoff::wait(self.failures, chance, retry_after));
            }
        }
    }

    /// Returns whether requests may go out at all.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Returns whether the last request failed.
    pub fn is_waiting(&self) -> bool {
        self.failures > 0
    }

    /// Returns when the tracker must be woken, [`NEVER`] if it need not be, where that is another moment than it asked for before.
    /// `empty` is whether nothing waits to be sent.
    pub fn set_alarm(&mut self, empty: bool) -> Option<Millis> {
        let at_rest = self.flight.is_none() && (empty || !self.open);
        // What comes next waits for company again.
        if at_rest && self.failures == 0 {
            self.due = NEVER;
        }
        let wake = if at_rest { NEVER } else { self.due };
        (wake != std::mem::replace(&mut self.alarm, wake)).then_some(wake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.into(), ..Answer::default() }
    }

    #[test]
    fn only_the_collector_can_take_events() {
        let table = [
            (200, r#"{"accepted":1,"duplicates":0,"rejected":[]}"#, Verdict::Taken),
            (200, "<html>Welcome to our hotel</html>", Verdict::Unknown),
            (204, "", Verdict::Unknown),
            (0, "", Verdict::Unknown),
            (400, "", Verdict::TooMuch),
            (401, "", Verdict::Refused),
            (402, "", Verdict::Refused),
            (403, "", Verdict::Refused),
            (404, "", Verdict::Unknown),
            (408, "", Verdict::Unknown),
            (413, "", Verdict::TooMuch),
            (429, "", Verdict::Unknown),
            (503, "", Verdict::Unknown),
        ];
        for (status, body, meaning) in table {
            assert_eq!(verdict(&answer(status, body)), meaning, "{status} {body}");
        }
    }

    #[test]
    fn one_request_at_a_time() {
        let mut delivery = Delivery::default();
        delivery.schedule(0);
        assert_eq!(delivery.ready(GATHER), None);
        delivery.open();
        assert_eq!(delivery.ready(GATHER - 1), None);
        assert_eq!(delivery.ready(GATHER), Some(batching::EVENTS));
        let request = delivery.depart(GATHER, vec!["1".into()]);
        delivery.hurry(GATHER);
        assert_eq!(delivery.ready(GATHER), None);
        assert_eq!(delivery.set_alarm(false), Some(GATHER + PATIENCE));
        assert_eq!(delivery.arrive(request + 1), None);
        assert!(delivery.arrive(request).is_some());
        delivery.learn(Verdict::Taken, GATHER, 1, 0, None);
        assert_eq!(delivery.ready(GATHER), Some(batching::EVENTS));
    }

    #[test]
    fn who_does_not_own_the_queue_gives_its_owner_time() {
        let mut delivery = Delivery::default();
        delivery.open();
        delivery.schedule(0);
        assert!(delivery.own(100, false) && !delivery.own(200, false));
        assert_eq!((delivery.ready(100 + TRUST - 1), delivery.ready(100 + TRUST)), (None, Some(batching::EVENTS)));
        delivery.retry(200);
        assert_eq!(delivery.ready(200), None);
        assert!(delivery.own(300, true) && delivery.owns());
        assert_eq!(delivery.set_alarm(false), Some(300 + GATHER));
        delivery.hurry(400);
        assert_eq!(delivery.ready(400), Some(batching::EVENTS));
    }

    #[test]
    fn a_flush_does_not_cut_a_wait_short_but_a_new_connection_does() {
        let mut delivery = Delivery::default();
        delivery.open();
        delivery.learn(Verdict::Unknown, 0, 1, 0, Some(60_000));
        delivery.hurry(1);
        assert_eq!(delivery.set_alarm(false), Some(60_000));
        delivery.retry(2);
        assert_eq!(delivery.set_alarm(false), Some(2));
    }
}
