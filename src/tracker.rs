//! The machine: what happens goes in, what is to be done comes out.
//!
//! It puts the steps in order and contains none of them. Given the same inputs at the same times it gives the same effects.

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

/// One page's tracker.
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
    page_left: bool,
    jitter: u8,
    /// How many events fell out, and how many of them the request under way tells of.
    dropped: u32,
    drops_reported: u32,
}

impl Tracker {
    /// Takes `input`, which happened at `now`, and returns what is to be done, in order.
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

    /// Returns who the visitor is, as the cookie says it, and the context's id.
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
            Consent::Granted => return emit(out, Effect::Restore),
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

    /// Takes an event of another tab, which has kept it, to send it with our own.
    fn adopt_event(&mut self, now: Millis, entry: StoredEntry<&str>, out: &mut Vec<Effect>) {
        if self.consent.is_granted() && self.delivery.is_leader() && !self.queue.contains(entry.key) {
            self.enqueue(now, entry.to_owned(), out);
        }
    }

    /// Who comes to own the queue takes over what the owner before left of it.
    fn set_leader(&mut self, now: Millis, is_leader: bool, out: &mut Vec<Effect>) {
        if self.delivery.set_leader(now, is_leader) && is_leader && self.consent.is_granted() {
            emit(out, Effect::Restore);
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

    /// Makes the event of a call that may be tracked. The call that opens a context has a landing before it; a call whose kind is a landing
    /// asks for nothing more.
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
            emit(out, Effect::SaveVisitor(self.context.identity.cookie_value().into()));
        }
        if outcome.is_dedup_changed {
            emit(out, Effect::SaveDedup(self.context.dedup.text().into()));
        }
        self.save_session(false, out);
        match outcome.event {
            Some(text) => self.persist(now, entry.key.into(), text, out),
            None => emit(out, Effect::Delete(vec![entry.key.into()])),
        }
    }

    fn persist(&mut self, now: Millis, key: String, text: String, out: &mut Vec<Effect>) {
        let entry = StoredEntry { key, text };
        emit(out, Effect::Persist(entry.clone()));
        self.enqueue(now, entry, out);
    }

    fn enqueue(&mut self, now: Millis, entry: StoredEntry, out: &mut Vec<Effect>) {
        let evicted = self.queue.push(entry);
        self.report_evicted(evicted, out);
        self.delivery.schedule(now);
    }

    /// Takes in what earlier pages kept, before anything of this page: whose calls never became events is still the visitor that they
    /// would have made. Calls that this page or a younger one kept come from the line that they wait in.
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
            emit(out, Effect::Abort { request: in_flight.request });
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
            emit(out, Effect::Delete(in_flight.keys));
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
            emit(out, Effect::Beacon(self.body(now, self.batch(batcher::MAX_EVENTS))));
        }
        self.page_left = true;
    }

    fn state_changed(&mut self, saved: SavedState<&str>) {
        self.context.reload(saved.visitor, saved.session, saved.dedup);
    }

    /// The page comes back from the browser's cache: answers went unheard.
    fn page_show(&mut self, now: Millis) {
        self.page_left = false;
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
            emit(out, Effect::Restore);
        }
    }

    /// Leaves nothing of the visitor, here or in the browser.
    fn clear_all(&mut self, out: &mut Vec<Effect>) {
        if !self.queue.is_empty() {
            // Another tab may have them too.
            emit(out, Effect::Delete(queue::keys(self.queue.entries())));
        }
        self.queue.clear();
        self.delivery.abandon();
        self.load_call.text.clear();
        self.context = VisitorContext::default();
        emit(out, Effect::ClearAll);
        emit(out, Effect::SaveVisitor(String::new()));
        emit(out, Effect::SaveSession(String::new()));
        emit(out, Effect::SaveDedup(String::new()));
    }

    fn reset(&mut self, entry: StoredEntry<&str>, out: &mut Vec<Effect>) {
        let Some(call) = Call::parse(entry.text) else { return };
        self.context.reset(call.seed);
        if self.consent.is_granted() {
            emit(out, Effect::SaveDedup(String::new()));
            emit(out, Effect::SaveVisitor(call.seed.into()));
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
            emit(out, Effect::Send { request, body });
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
            emit(out, Effect::SetTimer((wake != delivery::NEVER).then(|| wake.saturating_sub(now))));
        }
    }

    fn save_session(&mut self, leaving: bool, out: &mut Vec<Effect>) {
        if let Some(text) = self.context.session.take_dirty(leaving).filter(|_| self.consent.is_granted()) {
            emit(out, Effect::SaveSession(text));
        }
    }

    /// What falls out is forgotten everywhere, and outcome: to the page now, to the collector with the next request.
    fn report_evicted(&mut self, keys: Vec<String>, out: &mut Vec<Effect>) {
        if !keys.is_empty() {
            let count = keys.len() as u32;
            self.dropped += count;
            report(Report { name: "dropped", count, reason: "full", ..Report::default() }, out);
            emit(out, Effect::Delete(keys));
        }
    }

    /// Returns whether there is something to send, and nothing forbids it.
    fn can_send(&self) -> bool {
        self.consent.is_granted() && self.delivery.is_open() && !self.page_left && !self.queue.is_empty()
    }

    /// Returns the events of a request that may hold `max_events`.
    fn batch(&self, max_events: usize) -> &[StoredEntry] {
        let entries = self.queue.entries();
        entries.get(..batcher::prefix_len(entries, max_events)).unwrap_or(entries)
    }

    fn body(&self, now: Millis, entries: &[StoredEntry]) -> String {
        batcher::body(Sender { token: &self.token, version: &self.version, dropped: self.dropped }, now, entries)
    }
}

/// Returns the key of the landing before the call of `key`: keys of calls end in a digit above zero.
fn landing_key(key: &str) -> String {
    let mut landing = String::from(split_at(key, key.len().saturating_sub(1)).0);
    json_writer::push_ascii(&mut landing, b'0');
    landing
}

fn ignore_call(key: &str, error: CallError, out: &mut Vec<Effect>) {
    emit(out, Effect::Delete(vec![key.into()]));
    report(Report { name: "error", count: 1, reason: error.reason, field: error.field, response: String::new() }, out);
}

fn report(report: Report, out: &mut Vec<Effect>) {
    emit(out, Effect::Report(report));
}

/// Out of line because so many places do it, and an effect is not small.
#[inline(never)]
fn emit(out: &mut Vec<Effect>, effect: Effect) {
    out.push(effect);
}
