//! The state machine of a page: takes inputs and passes effects to the host.
//!
//! It calls the steps in order and contains none of them. The same inputs at the same times give the same effects.

use tillroll_protocol::call::Call;
use tillroll_protocol::call_check::CallError;
use tillroll_protocol::cookies::{SESSION_COOKIE, VISITOR_COOKIE};
use tillroll_protocol::str_bytes::split_once;
use tillroll_protocol::visitor_context::{Identity, VisitorContext};

use crate::consent::Consent;
use crate::delivery::{self, Delivery, InFlight, SendOutcome};
use crate::effect::{DEDUP, Host, Report};
use crate::input::{Input, InputKind, SEPARATOR, SendResult};
use crate::queue::{self, Queue, StoredEntry, decided_key, is_undecided};
use crate::{Millis, batcher};

/// The tracker of a page.
#[derive(Debug, Default)]
pub struct Tracker {
    context: VisitorContext,
    consent: Consent,
    /// The key of this page's load call.
    load_key: String,
    /// Whether the visitor's id comes from the shop's server, and no cookie has it yet.
    is_server_id: bool,
    queue: Queue,
    delivery: Delivery,
    is_flushing: bool,
    is_page_hidden: bool,
    /// Whether the page's callbacks got the report that the collector does not read this form of calls.
    is_form_reported: bool,
    /// How many dropped calls the collector has no count of.
    dropped: u32,
    /// How many of them the request in flight reports.
    drops_reported: u32,
}

impl Tracker {
    /// Handles an input that happened at `now`; passes the effects to `out`, in order.
    pub fn handle(&mut self, now: Millis, input: Input<'_>, out: &mut impl Host) {
        let Input { kind, texts, status } = input;
        let (first, rest) = split_once(texts, SEPARATOR);
        let (second, third) = split_once(rest, SEPARATOR);
        let entry = StoredEntry::new(first, rest);
        match kind {
            InputKind::Start => self.start(first, StoredEntry::new(second, third), out),
            InputKind::Call => self.call(now, entry, out),
            InputKind::Stored => self.stored(now, entry, out),
            InputKind::Restored => self.restored(now, out),
            InputKind::Timer => self.timer(now, out),
            InputKind::Hidden => self.hidden(now, out),
            InputKind::PageHide => self.page_hide(out),
            InputKind::StateChanged => self.context.reload(first, second, third),
            InputKind::ServerId => self.server_id(texts),
            InputKind::PageShow => self.page_show(now),
            InputKind::Leader => self.set_leader(now, !texts.is_empty(), out),
            InputKind::DeletedElsewhere => self.queue.remove(texts),
            InputKind::Online => self.delivery.retry(now),
            InputKind::Flush => self.flush(now),
            InputKind::Consent => self.consent(texts, out),
            InputKind::RequestDone => self.request_done(now, SendResult::new(status, first, rest), out),
        }
        self.send(now, out);
        self.report_flushed(out);
        self.update_timer(now, out);
    }

    /// Returns the value of the visitor cookie, and the session id.
    pub fn identity(&self) -> (&str, &str) {
        (self.context.identity.cookie_value(), self.context.session.id())
    }

    fn server_id(&mut self, id: &str) {
        if self.context.identity.cookie_value().is_empty() {
            self.context.identity = Identity::load(id);
            self.is_server_id = true;
        }
    }

    fn start(&mut self, consent: &str, load_call: StoredEntry<&str>, out: &mut impl Host) {
        self.load_key = load_call.key.into();
        self.consent.change(consent);
        self.consent.hold(load_call);
        if self.consent.is_granted() {
            if self.is_server_id {
                self.save_visitor(out);
            }
            out.restore();
        } else if self.consent.is_denied() {
            self.clear_all(out);
        }
    }

    fn call(&mut self, now: Millis, entry: StoredEntry<&str>, out: &mut impl Host) {
        if entry.text.is_empty() {
            return;
        }
        if entry.is_damaged() {
            return self.report_dropped(entry.key, "damaged", out);
        }
        if !entry.is_call() {
            return self.adopt(now, entry, out);
        }
        if self.consent.is_granted() {
            self.process_call(now, entry.key, entry.text, "", out);
        } else {
            self.consent.hold(entry);
        }
    }

    /// Enqueues a call that another tab has decided and stored.
    fn adopt(&mut self, now: Millis, entry: StoredEntry<&str>, out: &mut impl Host) {
        if self.consent.is_granted() && self.delivery.is_leader() {
            self.enqueue(now, entry.to_owned(), false, out);
        }
    }

    /// A new leader loads the calls that the previous leader has not sent. A tab that learns that another one is the leader shares its calls,
    /// which it has kept to itself so far.
    fn set_leader(&mut self, now: Millis, is_leader: bool, out: &mut impl Host) {
        if !self.delivery.set_leader(now, is_leader) {
            return;
        }
        if !is_leader {
            self.queue.entries().iter().for_each(|entry| out.share(entry));
        } else if self.consent.is_granted() {
            out.restore();
        }
    }

    /// Decides about a call, and stores it with the decisions if the collector needs it. `key_end` is appended to its key, if an earlier page
    /// has stored it. Deletes a call that is stored without decisions; never the call with its decisions, which another tab may have stored.
    fn process_call(&mut self, now: Millis, key: &str, text: &str, key_end: &str, out: &mut impl Host) {
        let Some(call) = Call::parse(text) else { return ignore_call(key, CallError { reason: "unreadable", field: "" }, out) };
        self.context.session.limit_activity(now);
        let decided = match self.context.decide(&call) {
            Ok(decided) => decided,
            Err(error) => return ignore_call(key, error, out),
        };
        if decided.must_save_identity {
            out.save(VISITOR_COOKIE, self.context.identity.cookie_value());
        }
        if !decided.decisions.is_empty() {
            let mut stored = StoredEntry::new(String::from(decided_key(key)), String::from("["));
            stored.key.push_str(key_end);
            stored.text.push_str(text);
            stored.text.push_str(&decided.decisions);
            stored.text.push(']');
            out.persist(&stored);
            self.enqueue(now, stored, false, out);
        }
        if is_undecided(key) || !key_end.is_empty() {
            out.delete(key);
        }
        if decided.is_dedup_changed {
            out.save(DEDUP, self.context.dedup.text());
        }
        self.save_session(false, out);
    }

    /// Inserts a decided call into the queue, unless it is there, and shares it if another tab is the leader.
    fn enqueue(&mut self, now: Millis, entry: StoredEntry, is_earlier: bool, out: &mut impl Host) {
        if self.queue.contains(&entry.key) {
            return;
        }
        if !self.delivery.is_leader() {
            out.share(&entry);
        }
        self.queue.insert(entry, is_earlier);
        while let Some(evicted) = self.queue.evict() {
            self.report_dropped(&evicted.key, "full", out);
        }
        self.delivery.schedule(now);
    }

    /// Loads a stored entry. Calls of earlier pages without decisions are processed before this page's load call, so that their visitor and
    /// session continue. This page's own stored calls arrive as [`InputKind::Call`].
    ///
    /// Another tab may process the same calls at the same time, and decide otherwise, because what one has done is a repetition for the other. So
    /// the key of a decided call ends in that of the page's load call: no tab replaces what another one has stored. The event ids are equal.
    fn stored(&mut self, now: Millis, entry: StoredEntry<&str>, out: &mut impl Host) {
        if !self.consent.is_granted() {
            return;
        }
        if entry.is_damaged() {
            self.report_dropped(entry.key, "damaged", out);
        } else if !entry.is_call() {
            self.enqueue(now, entry.to_owned(), true, out);
        } else if *entry.key < *self.load_key {
            let key_end = String::from(decided_key(&self.load_key));
            self.process_call(now, entry.key, entry.text, &key_end, out);
        }
    }

    /// Allows requests. Processes the load call of this page, behind the stored entries of earlier pages. The next such input, behind the calls that
    /// the inline snippet recorded, processes the calls that waited for consent.
    fn restored(&mut self, now: Millis, out: &mut impl Host) {
        if !self.consent.is_granted() {
            return;
        }
        let is_first = !self.delivery.is_open();
        if is_first {
            self.delivery.open();
            self.delivery.schedule(now);
        }
        while let Some(entry) = self.consent.next_waiting() {
            self.call(now, entry.as_ref(), out);
            if is_first {
                break;
            }
        }
    }

    fn request_done(&mut self, now: Millis, result: SendResult<'_>, out: &mut impl Host) {
        if let Some(in_flight) = self.delivery.complete() {
            self.finish_request(now, in_flight, result, out);
        }
    }

    fn timer(&mut self, now: Millis, out: &mut impl Host) {
        if let Some(in_flight) = self.delivery.take_timed_out(now) {
            out.abort();
            self.finish_request(now, in_flight, SendResult::default(), out);
        }
    }

    fn finish_request(&mut self, now: Millis, in_flight: InFlight, result: SendResult<'_>, out: &mut impl Host) {
        let outcome = delivery::classify(&result);
        let count = in_flight.count;
        let report_as = match outcome {
            SendOutcome::Acked => Some(("sent", "")),
            SendOutcome::ProjectRejected => Some(("dropped", "refused")),
            SendOutcome::TooLarge if count == 1 => Some(("dropped", "unacceptable")),
            _ => None,
        };
        if outcome == SendOutcome::UnknownForm && !std::mem::replace(&mut self.is_form_reported, true) {
            out.report(Report { name: "error", reason: "unknown_form", response: result.body, ..Report::default() });
        }
        if let Some((name, reason)) = report_as {
            self.queue.remove(&in_flight.keys);
            out.delete(&in_flight.keys);
            out.report(Report { name, count: count as u32, reason, field: "", response: result.body });
        }
        match outcome {
            SendOutcome::Acked => self.dropped -= std::mem::take(&mut self.drops_reported),
            SendOutcome::TooLarge if count == 1 => self.dropped += 1,
            _ => {}
        }
        self.delivery.apply(outcome, now, count, result.retry_after);
    }

    fn hidden(&mut self, now: Millis, out: &mut impl Host) {
        self.save_session(true, out);
        self.delivery.send_at(now);
    }

    fn page_hide(&mut self, out: &mut impl Host) {
        self.save_session(true, out);
        if self.can_send() {
            out.beacon(&batcher::elements(self.next_entries(batcher::MAX_CALLS)), self.dropped);
            // The page may return from the back/forward cache, and its next request counts only what is dropped after that.
            (self.dropped, self.drops_reported) = (0, 0);
        }
        self.is_page_hidden = true;
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

    fn consent(&mut self, word: &str, out: &mut impl Host) {
        let before = self.consent.is_granted();
        self.consent.change(word);
        if self.consent.is_denied() {
            self.clear_all(out);
        } else if self.consent.is_granted() && !before {
            self.save_visitor(out);
            out.restore();
        }
    }

    /// Deletes all data about the visitor, in memory and in the browser.
    fn clear_all(&mut self, out: &mut impl Host) {
        if !self.queue.is_empty() {
            // Other tabs delete them too.
            out.delete(&queue::keys(self.queue.entries()));
        }
        self.queue.clear();
        self.delivery.abandon();
        self.context = VisitorContext::default();
        out.clear_all();
        out.save(VISITOR_COOKIE, "");
        out.save(SESSION_COOKIE, "");
        out.save(DEDUP, "");
    }

    fn send(&mut self, now: Millis, out: &mut impl Host) {
        if let Some(max_calls) = self.delivery.ready(now)
            && self.can_send()
        {
            let entries = self.next_entries(max_calls);
            out.send(&batcher::elements(entries), self.dropped);
            let request = InFlight { keys: queue::keys(entries), count: entries.len() };
            self.delivery.start(now, request);
            self.drops_reported = self.dropped;
        }
    }

    fn report_flushed(&mut self, out: &mut impl Host) {
        let is_done = !self.can_send() || self.delivery.is_backing_off();
        if self.is_flushing && is_done {
            self.is_flushing = false;
            out.report(Report { name: "settled", ..Report::default() });
        }
    }

    fn update_timer(&mut self, now: Millis, out: &mut impl Host) {
        if let Some(wake) = self.delivery.update_timer(self.queue.is_empty() || !self.consent.is_granted()) {
            out.set_timer((wake != delivery::NEVER).then(|| wake.saturating_sub(now)));
        }
    }

    fn save_visitor(&self, out: &mut impl Host) {
        let value = self.context.identity.cookie_value();
        if !value.is_empty() {
            out.save(VISITOR_COOKIE, value);
        }
    }

    fn save_session(&mut self, leaving: bool, out: &mut impl Host) {
        if let Some(text) = self.context.session.take_dirty(leaving).filter(|_| self.consent.is_granted()) {
            out.save(SESSION_COOKIE, &text);
        }
    }

    /// Deletes a dropped call from the store, and reports it: to the page now, to the collector with the next request.
    // Not inlined: 80 bytes of brotli.
    #[inline(never)]
    fn report_dropped(&mut self, key: &str, reason: &'static str, out: &mut impl Host) {
        self.dropped += 1;
        out.report(Report { name: "dropped", count: 1, reason, ..Report::default() });
        out.delete(key);
    }

    /// Returns whether a request may start and the queue has events.
    fn can_send(&self) -> bool {
        self.consent.is_granted() && self.delivery.is_open() && !self.is_page_hidden && !self.queue.is_empty()
    }

    /// Returns the calls of the next request.
    fn next_entries(&self, max_calls: usize) -> &[StoredEntry] {
        let entries = self.queue.entries();
        entries.get(..batcher::prefix_len(entries, max_calls)).unwrap_or(entries)
    }
}

fn ignore_call(key: &str, error: CallError, out: &mut impl Host) {
    out.delete(key);
    out.report(Report { name: "error", count: 1, reason: error.reason, field: error.field, response: "" });
}
