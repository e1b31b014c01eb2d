//! The state machine of a page: takes inputs and returns effects.
//!
//! It calls the steps in order and contains none of them. The same inputs at the same times give the same effects.

use tillroll_protocol::batch::Sender;
use tillroll_protocol::call::Call;
use tillroll_protocol::json_writer;
use tillroll_protocol::str_bytes::{split_at, split_once};
use tillroll_protocol::visitor_context::{CallError, VisitorContext};

use crate::consent::Consent;
use crate::delivery::{self, Delivery, InFlight, SendOutcome};
use crate::effect::{Effect, Report};
use crate::input::{Input, SavedState, SendResult, Start};
use crate::queue::{self, Queue, StoredEntry};
use crate::{Millis, batcher};

/// The tracker of a page.
#[derive(Debug, Default)]
pub struct Tracker {
    token: String,
    version: String,
    context: VisitorContext,
    consent: Consent,
    load_call: StoredEntry,
    queue: Queue,
    delivery: Delivery,
    is_flushing: bool,
    is_page_hidden: bool,
    jitter: u8,
    /// How many dropped events the collector has no count of.
    dropped: u32,
    /// How many of them the request in flight reports.
    drops_reported: u32,
}

impl Tracker {
    /// Handles an input that happened at `now`; returns the effects to execute, in order.
    pub fn handle(&mut self, now: Millis, input: Input<'_>) -> Vec<Effect> {
        let mut effects = Vec::new();
        let out = &mut effects;
        match input {
            Input::Start(start) => self.start(now, start, out),
            Input::Call(call) => self.call(now, call, out),
            Input::Restored(entries) => self.restored(now, entries, out),
            Input::RequestDone(result) => self.request_done(now, result, out),
            Input::Timer => self.timer(now, out),
            Input::Hidden => self.hidden(now, out),
            Input::PageHide => self.page_hide(now, out),
            Input::StateChanged(saved) => self.state_changed(saved),
            Input::PageShow => self.page_show(now),
            Input::Leader(is_leader) => self.set_leader(now, is_leader, out),
            Input::DeletedElsewhere(keys) => self.deleted_elsewhere(keys),
            Input::Online => self.delivery.retry(now),
            Input::Flush => self.flush(now),
            Input::Consent(word) => self.consent(now, word, out),
            Input::Reset(call) => self.reset(call, out),
        }
        self.send(now, out);
        self.report_flushed(out);
        self.update_timer(now, out);
        effects
    }

    /// Returns the value of the visitor cookie, and the session id.
    pub fn identity(&self) -> (&str, &str) {
        (self.context.identity.cookie_value(), self.context.session.id())
    }

    fn start(&mut self, now: Millis, start: &Start<'_>, out: &mut Vec<Effect>) {
        self.token = start.token.into();
        self.version = start.version.into();
        self.consent = Consent::load(start.consent).unwrap_or(Consent::Pending(Vec::new()));
        self.load_call = StoredEntry { key: start.load_call.key.into(), text: start.load_call.text.into() };
        self.context = VisitorContext::load(start.server_id, start.saved.visitor, start.saved.session, start.saved.dedup);
        match self.consent {
            Consent::Granted => return push(out, Effect::Restore),
            Consent::Denied { .. } => self.clear_all(out),
            Consent::Pending(_) => {}
        }
        self.call(now, start.load_call, out);
    }

    fn call(&mut self, now: Millis, entry: StoredEntry<&str>, out: &mut Vec<Effect>) {
        if entry.text.is_empty() {
            return;
        }
        if !entry.is_call() {
            return self.adopt_event(now, entry, out);
        }
        if self.consent.pass(entry) {
            self.process_call(now, entry, out);
        }
    }

    /// Enqueues an event that another tab has made and stored.
    fn adopt_event(&mut self, now: Millis, entry: StoredEntry<&str>, out: &mut Vec<Effect>) {
        if self.consent.is_granted() && self.delivery.is_leader() && !self.queue.contains(entry.key) {
            self.enqueue(now, entry.to_owned(), out);
        }
    }

    /// A new leader loads the events that the previous leader has not sent.
    fn set_leader(&mut self, now: Millis, is_leader: bool, out: &mut Vec<Effect>) {
        if self.delivery.set_leader(now, is_leader) && is_leader && self.consent.is_granted() {
            push(out, Effect::Restore);
        }
    }

    fn deleted_elsewhere(&mut self, mut keys: &str) {
        let mut deleted = Vec::new();
        while !keys.is_empty() {
            let (key, rest) = split_once(keys, b',');
            deleted.push(key.into());
            keys = rest;
        }
        self.queue.remove(&deleted);
    }

    /// Turns a call into events and stores them. The first call of a session has a `land` event before its own.
    fn process_call(&mut self, now: Millis, entry: StoredEntry<&str>, out: &mut Vec<Effect>) {
        let Some(call) = Call::parse(entry.text) else { return ignore_call(entry.key, CallError { reason: "unreadable", field: "" }, out) };
        self.jitter = call.seed.bytes().fold(0, |jitter: u8, digit| jitter.wrapping_mul(31).wrapping_add(digit));
        let outcome = match self.context.process_call(&call) {
            Ok(outcome) => outcome,
            Err(error) => return ignore_call(entry.key, error, out),
        };
        if let Some(landing) = outcome.landing {
            self.persist(now, landing_key(entry.key), landing, out);
        }
        if outcome.is_identity_changed {
            push(out, Effect::SaveVisitor(self.context.identity.cookie_value().into()));
        }
        if outcome.is_dedup_changed {
            push(out, Effect::SaveDedup(self.context.dedup.text().into()));
        }
        self.save_session(false, out);
        match outcome.event {
            Some(text) => self.persist(now, entry.key.into(), text, out),
            None => push(out, Effect::Delete(vec![entry.key.into()])),
        }
    }

    fn persist(&mut self, now: Millis, key: String, text: String, out: &mut Vec<Effect>) {
        let entry = StoredEntry { key, text };
        push(out, Effect::Persist(entry.clone()));
        self.enqueue(now, entry, out);
    }

    fn enqueue(&mut self, now: Millis, entry: StoredEntry, out: &mut Vec<Effect>) {
        let evicted = self.queue.push(entry);
        self.report_evicted(evicted, out);
        self.delivery.schedule(now);
    }

    /// Loads the stored entries of earlier pages, then the load call of this page. A stored call of an earlier page becomes an event first,
    /// so that its visitor and session continue. This page's own stored calls arrive as [`Input::Call`].
    fn restored(&mut self, now: Millis, entries: &[StoredEntry], out: &mut Vec<Effect>) {
        if !self.consent.is_granted() {
            return;
        }
        if !entries.is_empty() {
            self.delivery.schedule(now);
        }
        let evicted = self.queue.prepend_stored(entries);
        self.report_evicted(evicted, out);
        for entry in entries {
            if entry.is_call() && entry.key < self.load_call.key {
                self.process_call(now, entry.as_ref(), out);
            }
        }
        if !self.delivery.is_open() {
            self.delivery.open();
            let load_call = std::mem::take(&mut self.load_call.text);
            self.call(now, StoredEntry::new(&self.load_call.key.clone(), &load_call), out);
        }
    }

    fn request_done(&mut self, now: Millis, result: &SendResult, out: &mut Vec<Effect>) {
        if let Some(in_flight) = self.delivery.complete(result.request) {
            self.finish_request(now, in_flight, result, out);
        }
    }

    fn timer(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if let Some(in_flight) = self.delivery.take_timed_out(now) {
            push(out, Effect::Abort { request: in_flight.request });
            self.finish_request(now, in_flight, &SendResult::default(), out);
        }
    }

    fn finish_request(&mut self, now: Millis, in_flight: InFlight, result: &SendResult, out: &mut Vec<Effect>) {
        let outcome = delivery::classify(result);
        let count = in_flight.keys.len();
        let report_as = match outcome {
            SendOutcome::Acked => Some(("sent", "")),
            SendOutcome::ProjectRejected => Some(("dropped", "refused")),
            SendOutcome::BodyRejected if count == 1 => Some(("dropped", "unacceptable")),
            _ => None,
        };
        if let Some((name, reason)) = report_as {
            self.queue.remove(&in_flight.keys);
            push(out, Effect::Delete(in_flight.keys));
            report(Report { name, count: count as u32, reason, field: "", response: result.body.clone() }, out);
        }
        match outcome {
            SendOutcome::Acked => self.dropped -= std::mem::take(&mut self.drops_reported),
            SendOutcome::BodyRejected if count == 1 => self.dropped += 1,
            _ => {}
        }
        self.delivery.apply(outcome, now, count, self.jitter, result.retry_after);
    }

    fn hidden(&mut self, now: Millis, out: &mut Vec<Effect>) {
        self.save_session(true, out);
        self.delivery.send_at(now);
    }

    fn page_hide(&mut self, now: Millis, out: &mut Vec<Effect>) {
        self.save_session(true, out);
        if self.can_send() {
            push(out, Effect::Beacon(self.body(now, self.batch(batcher::MAX_EVENTS))));
        }
        self.is_page_hidden = true;
    }

    fn state_changed(&mut self, saved: SavedState<&str>) {
        self.context.reload(saved.visitor, saved.session, saved.dedup);
    }

    /// The page returns from the back/forward cache: the response of the request in flight was lost.
    fn page_show(&mut self, now: Millis) {
        self.is_page_hidden = false;
        self.delivery.abandon();
        self.delivery.retry(now);
    }

    fn flush(&mut self, now: Millis) {
        self.is_flushing = true;
        self.delivery.send_at(now);
    }

    fn consent(&mut self, now: Millis, word: &str, out: &mut Vec<Effect>) {
        let before = self.consent.is_granted();
        for entry in &self.consent.change(word) {
            self.process_call(now, entry.as_ref(), out);
        }
        if self.consent.is_denied() {
            self.clear_all(out);
        } else if self.consent.is_granted() && !before {
            push(out, Effect::Restore);
        }
    }

    /// Deletes all data about the visitor, in memory and in the browser.
    fn clear_all(&mut self, out: &mut Vec<Effect>) {
        if !self.queue.is_empty() {
            // Other tabs delete them too.
            push(out, Effect::Delete(queue::keys(self.queue.entries())));
        }
        self.queue.clear();
        self.delivery.abandon();
        self.load_call.text.clear();
        self.context = VisitorContext::default();
        push(out, Effect::ClearAll);
        push(out, Effect::SaveVisitor(String::new()));
        push(out, Effect::SaveSession(String::new()));
        push(out, Effect::SaveDedup(String::new()));
    }

    fn reset(&mut self, entry: StoredEntry<&str>, out: &mut Vec<Effect>) {
        let Some(call) = Call::parse(entry.text) else { return };
        self.context.reset(call.seed);
        if self.consent.is_granted() {
            push(out, Effect::SaveDedup(String::new()));
            push(out, Effect::SaveVisitor(call.seed.into()));
        }
    }

    fn send(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if let Some(max_events) = self.delivery.ready(now)
            && self.can_send()
        {
            let entries = self.batch(max_events);
            let body = self.body(now, entries);
            let request = self.delivery.start(now, queue::keys(entries));
            self.drops_reported = self.dropped;
            push(out, Effect::Send { request, body });
        }
    }

    fn report_flushed(&mut self, out: &mut Vec<Effect>) {
        let is_done = !self.can_send() || self.delivery.is_backing_off();
        if self.is_flushing && is_done {
            self.is_flushing = false;
            report(Report { name: "settled", ..Report::default() }, out);
        }
    }

    fn update_timer(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if let Some(wake) = self.delivery.update_timer(self.queue.is_empty() || !self.consent.is_granted()) {
            push(out, Effect::SetTimer((wake != delivery::NEVER).then(|| wake.saturating_sub(now))));
        }
    }

    fn save_session(&mut self, leaving: bool, out: &mut Vec<Effect>) {
        if let Some(text) = self.context.session.take_dirty(leaving).filter(|_| self.consent.is_granted()) {
            push(out, Effect::SaveSession(text));
        }
    }

    /// Deletes evicted events from the store, and reports them: to the page now, to the collector with the next request.
    fn report_evicted(&mut self, keys: Vec<String>, out: &mut Vec<Effect>) {
        if !keys.is_empty() {
            let count = keys.len() as u32;
            self.dropped += count;
            report(Report { name: "dropped", count, reason: "full", ..Report::default() }, out);
            push(out, Effect::Delete(keys));
        }
    }

    /// Returns whether a request may start and the queue has events.
    fn can_send(&self) -> bool {
        self.consent.is_granted() && self.delivery.is_open() && !self.is_page_hidden && !self.queue.is_empty()
    }

    /// Returns the events of the next batch.
    fn batch(&self, max_events: usize) -> &[StoredEntry] {
        let entries = self.queue.entries();
        entries.get(..batcher::prefix_len(entries, max_events)).unwrap_or(entries)
    }

    fn body(&self, now: Millis, entries: &[StoredEntry]) -> String {
        batcher::body(Sender { token: &self.token, version: &self.version, dropped: self.dropped }, now, entries)
    }
}

/// Returns the key of the `land` event before the call of `key`: the keys of calls end in a digit above zero.
fn landing_key(key: &str) -> String {
    let mut landing = String::from(split_at(key, key.len().saturating_sub(1)).0);
    json_writer::push_ascii(&mut landing, b'0');
    landing
}

fn ignore_call(key: &str, error: CallError, out: &mut Vec<Effect>) {
    push(out, Effect::Delete(vec![key.into()]));
    report(Report { name: "error", count: 1, reason: error.reason, field: error.field, response: String::new() }, out);
}

fn report(report: Report, out: &mut Vec<Effect>) {
    push(out, Effect::Report(report));
}

/// Not inlined: many places call it, and an effect is large.
#[inline(never)]
fn push(out: &mut Vec<Effect>, effect: Effect) {
    out.push(effect);
}
