//! The machine: what happens goes in, what is to be done comes out.
//!
//! It puts the steps in order and contains none of them. Given the same inputs at the same times it gives the same effects.

use tillroll_protocol::batch::Sender;
use tillroll_protocol::call::Call;
use tillroll_protocol::json_writer;
use tillroll_protocol::str_bytes::{split_at, split_once};
use tillroll_protocol::visitor_context::{CallError, VisitorContext};

use crate::consent::Consent;
use crate::delivery::{self, Delivery, Flight, Verdict, verdict};
use crate::effect::{Effect, Report};
use crate::input::{Answer, Cookies, Input, Start};
use crate::queue::{self, Item, Queue};
use crate::{Millis, batch};

/// One page's tracker.
#[derive(Debug, Default)]
pub struct Tracker {
    token: String,
    version: String,
    visit: VisitorContext,
    consent: Consent,
    opening: Item,
    queue: Queue,
    delivery: Delivery,
    flushing: bool,
    away: bool,
    chance: u8,
    /// How many events fell out, and how many of them the request under way tells of.
    dropped: u32,
    told: u32,
}

impl Tracker {
    /// Takes `input`, which happened at `now`, and returns what is to be done, in order.
    pub fn handle(&mut self, now: Millis, input: Input<'_>) -> Vec<Effect> {
        let mut effects = Vec::new();
        let out = &mut effects;
        match input {
            Input::Start(start) => self.start(now, start, out),
            Input::Call(call) => self.call(now, call, out),
            Input::Restored(items) => self.restored(now, items, out),
            Input::Answered(answer) => self.answered(now, answer, out),
            Input::Woken => self.woken(now, out),
            Input::Hidden => self.hidden(now, out),
            Input::Left => self.left(now, out),
            Input::Recalled(cookies) => self.recalled(cookies),
            Input::Returned => self.returned(now),
            Input::Owner(owns) => self.own(now, owns, out),
            Input::Forgotten(keys) => self.forgotten(keys),
            Input::Online => self.delivery.retry(now),
            Input::Flush => self.flush(now),
            Input::Consent(word) => self.consent(now, word, out),
            Input::Reset(call) => self.reset(call, out),
        }
        self.send(now, out);
        self.settle(out);
        self.set_alarm(now, out);
        effects
    }

    /// Returns who the visitor is, as the cookie says it, and the visit's id.
    pub fn identity(&self) -> (&str, &str) {
        (self.visit.identity.cookie_value(), self.visit.session.id())
    }

    fn start(&mut self, now: Millis, start: &Start<'_>, out: &mut Vec<Effect>) {
        self.token = start.token.into();
        self.version = start.version.into();
        self.consent = Consent::load(start.consent).unwrap_or(Consent::Pending(Vec::new()));
        self.opening = Item { key: start.call.key.into(), text: start.call.text.into() };
        self.visit = VisitorContext::load(start.visitor, start.cookies.visitor, start.cookies.session, start.cookies.notes);
        match self.consent {
            Consent::Granted => return emit(out, Effect::Restore),
            Consent::Denied { .. } => self.wipe(out),
            Consent::Pending(_) => {}
        }
        self.call(now, start.call, out);
    }

    fn call(&mut self, now: Millis, item: Item<&str>, out: &mut Vec<Effect>) {
        if item.text.is_empty() {
            return;
        }
        if !item.is_call() {
            return self.entrust(now, item, out);
        }
        if self.consent.pass(item) {
            self.accept(now, item, out);
        }
    }

    /// Takes an event of another tab, which has kept it, to send it with our own.
    fn entrust(&mut self, now: Millis, item: Item<&str>, out: &mut Vec<Effect>) {
        if self.consent.is_granted() && self.delivery.owns() && !self.queue.has(item.key) {
            self.push(now, item.to_owned(), out);
        }
    }

    /// Who comes to own the queue takes over what the owner before left of it.
    fn own(&mut self, now: Millis, owns: bool, out: &mut Vec<Effect>) {
        if self.delivery.own(now, owns) && owns && self.consent.is_granted() {
            emit(out, Effect::Restore);
        }
    }

    fn forgotten(&mut self, mut keys: &str) {
        let mut gone = Vec::new();
        while !keys.is_empty() {
            let (key, rest) = split_once(keys, b',');
            gone.push(key.into());
            keys = rest;
        }
        self.queue.forget(&gone);
    }

    /// Makes the event of a call that may be tracked. The call that opens a visit has a landing before it; a call whose kind is a landing
    /// asks for nothing more.
    fn accept(&mut self, now: Millis, item: Item<&str>, out: &mut Vec<Effect>) {
        let Some(call) = Call::parse(item.text) else { return ignore(item.key, CallError { reason: "unreadable", field: "" }, out) };
        self.chance = call.seed.bytes().fold(0, |chance: u8, digit| chance.wrapping_mul(31).wrapping_add(digit));
        let told = match self.visit.process_call(&call) {
            Ok(told) => told,
            Err(refusal) => return ignore(item.key, refusal, out),
        };
        if let Some(landing) = told.landing {
            self.keep(now, landing_key(item.key), landing, out);
        }
        if told.is_identity_changed {
            emit(out, Effect::Visitor(self.visit.identity.cookie_value().into()));
        }
        if told.is_dedup_changed {
            emit(out, Effect::Notes(self.visit.dedup.text().into()));
        }
        self.remember(false, out);
        match told.event {
            Some(text) => self.keep(now, item.key.into(), text, out),
            None => emit(out, Effect::Forget(vec![item.key.into()])),
        }
    }

    fn keep(&mut self, now: Millis, key: String, text: String, out: &mut Vec<Effect>) {
        let item = Item { key, text };
        emit(out, Effect::Keep(item.clone()));
        self.push(now, item, out);
    }

    fn push(&mut self, now: Millis, item: Item, out: &mut Vec<Effect>) {
        let surplus = self.queue.push(item);
        self.drop_keys(surplus, out);
        self.delivery.schedule(now);
    }

    /// Takes in what earlier pages kept, before anything of this page: whose calls never became events is still the visitor that they
    /// would have made. Calls that this page or a younger one kept come from the line that they wait in.
    fn restored(&mut self, now: Millis, items: &[Item], out: &mut Vec<Effect>) {
        if !self.consent.is_granted() {
            return;
        }
        if !items.is_empty() {
            self.delivery.schedule(now);
        }
        let surplus = self.queue.restore(items);
        self.drop_keys(surplus, out);
        for item in items {
            if item.is_call() && item.key < self.opening.key {
                self.accept(now, item.lend(), out);
            }
        }
        if !self.delivery.is_open() {
            self.delivery.open();
            let opening = std::mem::take(&mut self.opening.text);
            self.call(now, Item::new(&self.opening.key.clone(), &opening), out);
        }
    }

    fn answered(&mut self, now: Millis, answer: &Answer, out: &mut Vec<Effect>) {
        if let Some(flight) = self.delivery.arrive(answer.request) {
            self.conclude(now, flight, answer, out);
        }
    }

    fn woken(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if let Some(flight) = self.delivery.overdue(now) {
            emit(out, Effect::Abort { request: flight.request });
            self.conclude(now, flight, &Answer::default(), out);
        }
    }

    fn conclude(&mut self, now: Millis, flight: Flight, answer: &Answer, out: &mut Vec<Effect>) {
        let verdict = verdict(answer);
        let count = flight.keys.len();
        let fate = match verdict {
            Verdict::Taken => Some(("sent", "")),
            Verdict::Refused => Some(("dropped", "refused")),
            Verdict::TooMuch if count == 1 => Some(("dropped", "unacceptable")),
            _ => None,
        };
        if let Some((name, reason)) = fate {
            self.queue.forget(&flight.keys);
            emit(out, Effect::Forget(flight.keys));
            report(Report { name, count: count as u32, reason, field: "", answer: answer.body.clone() }, out);
        }
        match verdict {
            Verdict::Taken => self.dropped -= std::mem::take(&mut self.told),
            Verdict::TooMuch if count == 1 => self.dropped += 1,
            _ => {}
        }
        self.delivery.learn(verdict, now, count, self.chance, answer.retry_after);
    }

    fn hidden(&mut self, now: Millis, out: &mut Vec<Effect>) {
        self.remember(true, out);
        self.delivery.hurry(now);
    }

    fn left(&mut self, now: Millis, out: &mut Vec<Effect>) {
        self.remember(true, out);
        if self.may_send() {
            emit(out, Effect::Beacon(self.body(now, self.batch(batch::EVENTS))));
        }
        self.away = true;
    }

    fn recalled(&mut self, cookies: Cookies<&str>) {
        self.visit.reload(cookies.visitor, cookies.session, cookies.notes);
    }

    /// The page comes back from the browser's cache: answers went unheard.
    fn returned(&mut self, now: Millis) {
        self.away = false;
        self.delivery.forsake();
        self.delivery.retry(now);
    }

    fn flush(&mut self, now: Millis) {
        self.flushing = true;
        self.delivery.hurry(now);
    }

    fn consent(&mut self, now: Millis, word: &str, out: &mut Vec<Effect>) {
        let before = self.consent.is_granted();
        for item in &self.consent.change(word) {
            self.accept(now, item.lend(), out);
        }
        if self.consent.is_denied() {
            self.wipe(out);
        } else if self.consent.is_granted() && !before {
            emit(out, Effect::Restore);
        }
    }

    /// Leaves nothing of the visitor, here or in the browser.
    fn wipe(&mut self, out: &mut Vec<Effect>) {
        if !self.queue.is_empty() {
            // Another tab may have them too.
            emit(out, Effect::Forget(queue::keys(self.queue.items())));
        }
        self.queue.clear();
        self.delivery.forsake();
        self.opening.text.clear();
        self.visit = VisitorContext::default();
        emit(out, Effect::Wipe);
        emit(out, Effect::Visitor(String::new()));
        emit(out, Effect::Session(String::new()));
        emit(out, Effect::Notes(String::new()));
    }

    fn reset(&mut self, item: Item<&str>, out: &mut Vec<Effect>) {
        let Some(call) = Call::parse(item.text) else { return };
        self.visit.reset(call.seed);
        if self.consent.is_granted() {
            emit(out, Effect::Notes(String::new()));
            emit(out, Effect::Visitor(call.seed.into()));
        }
    }

    fn send(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if let Some(most) = self.delivery.ready(now)
            && self.may_send()
        {
            let items = self.batch(most);
            let body = self.body(now, items);
            let request = self.delivery.depart(now, queue::keys(items));
            self.told = self.dropped;
            emit(out, Effect::Send { request, body });
        }
    }

    fn settle(&mut self, out: &mut Vec<Effect>) {
        let at_rest = !self.may_send() || self.delivery.is_waiting();
        if self.flushing && at_rest {
            self.flushing = false;
            report(Report { name: "settled", ..Report::default() }, out);
        }
    }

    fn set_alarm(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if let Some(wake) = self.delivery.set_alarm(self.queue.is_empty() || !self.consent.is_granted()) {
            emit(out, Effect::Wake((wake != delivery::NEVER).then(|| wake.saturating_sub(now))));
        }
    }

    fn remember(&mut self, leaving: bool, out: &mut Vec<Effect>) {
        if let Some(text) = self.visit.session.take_dirty(leaving).filter(|_| self.consent.is_granted()) {
            emit(out, Effect::Session(text));
        }
    }

    /// What falls out is forgotten everywhere, and told: to the page now, to the collector with the next request.
    fn drop_keys(&mut self, keys: Vec<String>, out: &mut Vec<Effect>) {
        if !keys.is_empty() {
            let count = keys.len() as u32;
            self.dropped += count;
            report(Report { name: "dropped", count, reason: "full", ..Report::default() }, out);
            emit(out, Effect::Forget(keys));
        }
    }

    /// Returns whether there is something to send, and nothing forbids it.
    fn may_send(&self) -> bool {
        self.consent.is_granted() && self.delivery.is_open() && !self.away && !self.queue.is_empty()
    }

    /// Returns the events of a request that may hold `most`.
    fn batch(&self, most: usize) -> &[Item] {
        let items = self.queue.items();
        items.get(..batch::length(items, most)).unwrap_or(items)
    }

    fn body(&self, now: Millis, items: &[Item]) -> String {
        batch::body(Sender { token: &self.token, version: &self.version, dropped: self.dropped }, now, items)
    }
}

/// Returns the key of the landing before the call of `key`: keys of calls end in a digit above zero.
fn landing_key(key: &str) -> String {
    let mut landing = String::from(split_at(key, key.len().saturating_sub(1)).0);
    json_writer::push_ascii(&mut landing, b'0');
    landing
}

fn ignore(key: &str, refusal: CallError, out: &mut Vec<Effect>) {
    emit(out, Effect::Forget(vec![key.into()]));
    report(Report { name: "error", count: 1, reason: refusal.reason, field: refusal.field, answer: String::new() }, out);
}

fn report(report: Report, out: &mut Vec<Effect>) {
    emit(out, Effect::Report(report));
}

/// Out of line because so many places do it, and an effect is not small.
#[inline(never)]
fn emit(out: &mut Vec<Effect>, effect: Effect) {
    out.push(effect);
}
