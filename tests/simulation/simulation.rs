//! A simulated browser with several tabs, and a collector that validates as the real one does.
//!
//! It executes effects as `src/browser` does. The steps decide what happens when, and what fails.

use std::collections::{BTreeMap, HashSet, VecDeque};

use tillroll::Millis;
use tillroll::effect::Effect;
use tillroll::input::{Input, SavedState, SendResult, Start};
use tillroll::queue::StoredEntry;
use tillroll::tracker::Tracker;
use tillroll_collector::decode;

use crate::steps::{BeaconOutcome, MessageDelivery, RequestOutcome, Step};

const NOON: Millis = 1_800_000_000_000;
pub(crate) const TABS: usize = 3;

/// A message from one tab to the others.
#[derive(Clone, Debug)]
enum Message {
    Stored(StoredEntry),
    Deleted(String),
    SavedState(SavedState),
}

#[derive(Default)]
pub(crate) struct Tab {
    tracker: Tracker,
    pub(crate) requests: Vec<(u32, String)>,
    pub(crate) timer: Option<Millis>,
    inbox: VecDeque<Message>,
    is_leader: bool,
    has_joined: bool,
    /// In the back/forward cache: the tab gets no inputs, and another tab is the leader.
    is_cached: bool,
    /// Frozen by the browser: the tab gets no inputs until it resumes, and stays the leader if it is.
    is_frozen: bool,
}

#[derive(Default)]
pub(crate) struct Simulation {
    pub(crate) now: Millis,
    seeds: u64,
    pub(crate) calls: Vec<String>,
    /// The calls that were not stored because the disk was full.
    pub(crate) lost_on_full_disk: Vec<String>,
    pub(crate) disk: BTreeMap<String, String>,
    pub(crate) is_full: bool,
    pub(crate) saved: SavedState,
    pub(crate) tabs: Vec<Tab>,
    /// The tab that holds the lock, then those that wait for it.
    lock: VecDeque<usize>,
    seen: HashSet<uuid::Uuid>,
    pub(crate) stored: Vec<String>,
}

impl Simulation {
    pub(crate) fn new() -> Self {
        let mut simulation = Self { now: NOON, tabs: (0..TABS).map(|_| Tab::default()).collect(), ..Self::default() };
        (0..TABS).for_each(|tab| simulation.open(tab));
        simulation
    }

    fn call_entry(&mut self, kind: &str, name: &str) -> StoredEntry {
        self.seeds += 1;
        let seed = format!("{:042x}", u128::from(self.seeds).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        let fields = [("seed", seed.as_str()), ("api", "metrilo"), ("type", kind), ("url", "https://shop/")];
        let members: String = fields.iter().map(|(key, value)| format!(":{key}\u{1f}${value}\u{1f}")).collect();
        let text = format!("{{:time\u{1f}#{}\u{1f}{members}:params\u{1f}{{:name\u{1f}${name}\u{1f}}}}}", self.now);
        StoredEntry::new(format!("{:013}-{:06}1", self.now, self.seeds), text)
    }

    /// Returns a call whose name contains the tab and sorts by the order of the calls.
    fn new_call(&mut self, tab: usize) -> StoredEntry {
        let name = format!("{tab}-{:05}", self.calls.len());
        self.calls.push(name.clone());
        self.call_entry("custom", &name)
    }

    fn open(&mut self, tab: usize) {
        self.release_lock(tab);
        self.tabs[tab] = Tab { is_leader: true, ..Tab::default() };
        let call = self.call_entry("land", "");
        let saved = self.saved.clone();
        let start =
            Start { token: "t", version: "1", consent: "granted", saved: saved.as_ref(), load_call: call.as_ref(), ..Start::default() };
        self.dispatch(tab, Input::Start(&start), BeaconOutcome::Lost);
    }

    fn dispatch(&mut self, tab: usize, input: Input<'_>, beacon: BeaconOutcome) {
        for effect in self.tabs[tab].tracker.handle(self.now, input) {
            self.execute(tab, effect, beacon);
        }
    }

    fn execute(&mut self, tab: usize, effect: Effect, beacon: BeaconOutcome) {
        match effect {
            Effect::Persist(entry) => {
                self.write(entry.clone());
                if !self.tabs[tab].is_leader {
                    self.broadcast(tab, &Message::Stored(entry));
                }
            }
            Effect::Delete(keys) => {
                keys.iter().for_each(|key| drop(self.disk.remove(key)));
                self.broadcast(tab, &Message::Deleted(keys.join(",")));
            }
            Effect::Restore => {
                self.join_election(tab);
                let stored_entries: Vec<_> = self.disk.iter().map(|(key, text)| StoredEntry::new(key.clone(), text.clone())).collect();
                self.dispatch(tab, Input::Restored(&stored_entries), beacon);
            }
            Effect::SaveVisitor(text) => {
                self.saved.visitor = text;
                self.broadcast(tab, &Message::SavedState(self.saved.clone()));
            }
            Effect::SaveSession(text) => {
                self.saved.session = text;
                self.broadcast(tab, &Message::SavedState(self.saved.clone()));
            }
            Effect::SaveDedup(text) => self.saved.dedup = text,
            Effect::Send { request, body } => {
                assert!(body.len() < 60 * 1024, "a request that does not fit a beacon");
                assert!(self.tabs[tab].requests.iter().all(|(other, _)| *other != request));
                self.tabs[tab].requests.push((request, body));
            }
            // The request may still arrive, so it stays in flight here.
            Effect::Abort { .. } => {}
            Effect::Beacon(body) => {
                assert!(body.len() < 60 * 1024);
                if matches!(beacon, BeaconOutcome::Stored) {
                    self.store(&body);
                }
            }
            Effect::SetTimer(after) => self.tabs[tab].timer = after.map(|after| self.now + after),
            Effect::ClearAll | Effect::Report(_) => {}
        }
    }

    fn write(&mut self, entry: StoredEntry) {
        if !self.is_full {
            self.disk.insert(entry.key, entry.text);
        } else if let Some(name) = self.calls.iter().find(|name| entry.text.contains(name.as_str())) {
            self.lost_on_full_disk.push(name.clone());
        }
    }

    fn broadcast(&mut self, tab: usize, message: &Message) {
        let others = self.tabs.iter_mut().enumerate().filter(|(other, _)| *other != tab);
        others.filter(|(_, other)| other.has_joined).for_each(|(_, other)| other.inbox.push_back(message.clone()));
    }

    fn join_election(&mut self, tab: usize) {
        if !std::mem::replace(&mut self.tabs[tab].has_joined, true) {
            self.lock.push_back(tab);
            self.set_leader(tab, self.lock.front() == Some(&tab));
        }
    }

    fn set_leader(&mut self, tab: usize, is_leader: bool) {
        if std::mem::replace(&mut self.tabs[tab].is_leader, is_leader) != is_leader {
            self.dispatch(tab, Input::Leader(is_leader), BeaconOutcome::Lost);
        }
    }

    /// Removes the tab from the lock and its waiters; the next waiter becomes the leader.
    fn release_lock(&mut self, tab: usize) {
        let was_first = self.lock.front() == Some(&tab);
        self.lock.retain(|other| *other != tab);
        self.tabs[tab].has_joined = false;
        self.tabs[tab].inbox.clear();
        if let Some(next) = self.lock.front().copied().filter(|next| was_first && !self.tabs[*next].is_frozen) {
            self.set_leader(next, true);
        }
    }

    /// Stores what the collector would store, deduplicated; returns the response.
    fn store(&mut self, body: &str) -> String {
        let batch = decode::batch(body.as_bytes()).expect("the collector parses each batch of a page");
        for text in &batch.events {
            let decoded = decode::event(text).expect("the collector accepts each event of a page");
            if self.seen.insert(decoded.key) && decoded.event.kind == "custom" {
                let params: serde_json::Value = serde_json::from_str(&decoded.event.params).expect("parameters are JSON");
                self.stored.push(params["name"].as_str().expect("a name").into());
            }
        }
        format!(r#"{{"accepted":{},"duplicates":0,"rejected":[]}}"#, batch.events.len())
    }

    pub(crate) fn end_request(&mut self, tab: usize, outcome: RequestOutcome) {
        if self.tabs[tab].requests.is_empty() {
            return;
        }
        let (request, body) = self.tabs[tab].requests.remove(0);
        let result = match outcome {
            RequestOutcome::Stored => SendResult { status: 200, body: self.store(&body), ..SendResult::default() },
            RequestOutcome::StoredWithoutResponse => {
                self.store(&body);
                SendResult::default()
            }
            RequestOutcome::Lost => SendResult::default(),
            RequestOutcome::Status(status, retry_after) => SendResult { status, retry_after, ..SendResult::default() },
            RequestOutcome::CaptivePortal => SendResult { status: 200, body: "<html>".into(), ..SendResult::default() },
        };
        if self.is_running(tab) {
            self.dispatch(tab, Input::RequestDone(&SendResult { request, ..result }), BeaconOutcome::Lost);
        }
    }

    fn is_running(&self, tab: usize) -> bool {
        !self.tabs[tab].is_cached && !self.tabs[tab].is_frozen
    }

    pub(crate) fn advance(&mut self, time: Millis) {
        self.now += time;
        for tab in 0..self.tabs.len() {
            if self.is_running(tab) && self.tabs[tab].timer.is_some_and(|time| time <= self.now) {
                self.tabs[tab].timer = None;
                self.dispatch(tab, Input::Timer, BeaconOutcome::Lost);
            }
        }
    }

    fn deliver(&mut self, tab: usize, delivery_mode: MessageDelivery) {
        let inbox = &mut self.tabs[tab].inbox;
        if matches!(delivery_mode, MessageDelivery::Reordered) && inbox.len() > 1 {
            inbox.rotate_left(1);
        }
        let Some(message) = inbox.pop_front() else { return };
        let times = match delivery_mode {
            MessageDelivery::Lost => 0,
            MessageDelivery::Once | MessageDelivery::Reordered => 1,
            MessageDelivery::Twice => 2,
        };
        for _ in 0..times {
            match &message {
                Message::Stored(entry) => self.dispatch(tab, Input::Call(entry.as_ref()), BeaconOutcome::Lost),
                Message::Deleted(keys) => self.dispatch(tab, Input::DeletedElsewhere(keys), BeaconOutcome::Lost),
                Message::SavedState(saved) => self.dispatch(tab, Input::StateChanged(saved.as_ref()), BeaconOutcome::Lost),
            }
        }
    }

    pub(crate) fn step(&mut self, step: Step) {
        match step {
            Step::AdvanceTime(time) => return self.advance(time),
            Step::JumpClock(time) => return self.now = self.now.saturating_add_signed(time),
            Step::SetDiskFull(is_full) => return self.is_full = is_full,
            Step::EndRequest(tab, outcome) => return self.end_request(tab, outcome),
            Step::Resume(tab) => return self.resume(tab),
            Step::Crash(tab) => return self.open(tab),
            Step::Call(tab) | Step::InterruptedLoad(tab) | Step::Reload(tab, _) | Step::EnterCache(tab, _) | Step::Freeze(tab)
                if !self.is_running(tab) =>
            {
                return self.step(Step::Resume(tab));
            }
            Step::DeliverMessage(tab, _) | Step::Hide(tab) | Step::Online(tab) if !self.is_running(tab) => return,
            _ => {}
        }
        match step {
            Step::Call(tab) => {
                let entry = self.new_call(tab);
                self.dispatch(tab, Input::Call(entry.as_ref()), BeaconOutcome::Lost);
            }
            Step::InterruptedLoad(tab) => {
                self.dispatch(tab, Input::PageHide, BeaconOutcome::Lost);
                let entry = self.new_call(tab);
                self.write(entry);
                self.open(tab);
            }
            Step::Reload(tab, beacon) => {
                self.dispatch(tab, Input::PageHide, beacon);
                self.open(tab);
            }
            Step::EnterCache(tab, beacon) => {
                self.dispatch(tab, Input::PageHide, beacon);
                self.tabs[tab].is_cached = true;
                self.release_lock(tab);
                self.set_leader(tab, false);
            }
            Step::Freeze(tab) => self.tabs[tab].is_frozen = true,
            Step::DeliverMessage(tab, delivery_mode) => self.deliver(tab, delivery_mode),
            Step::Hide(tab) => self.dispatch(tab, Input::Hidden, BeaconOutcome::Lost),
            Step::Online(tab) => self.dispatch(tab, Input::Online, BeaconOutcome::Lost),
            _ => {}
        }
    }

    /// Resumes a frozen tab or a cached page.
    fn resume(&mut self, tab: usize) {
        if std::mem::take(&mut self.tabs[tab].is_frozen) && self.lock.front() == Some(&tab) {
            self.set_leader(tab, true);
        }
        if std::mem::take(&mut self.tabs[tab].is_cached) {
            self.dispatch(tab, Input::StateChanged(self.saved.clone().as_ref()), BeaconOutcome::Lost);
            self.dispatch(tab, Input::PageShow, BeaconOutcome::Lost);
            self.join_election(tab);
        }
    }

    /// Runs one page with a working connection until it is idle.
    pub(crate) fn run_to_idle(&mut self) {
        self.is_full = false;
        self.lock.clear();
        self.tabs.truncate(1);
        self.open(0);
        for _ in 0..10_000 {
            if !self.tabs[0].requests.is_empty() {
                self.end_request(0, RequestOutcome::Stored);
            } else if let Some(time) = self.tabs[0].timer {
                self.advance(time.saturating_sub(self.now));
            } else {
                return;
            }
        }
        panic!("the tracker never becomes idle");
    }
}
