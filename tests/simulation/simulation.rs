//! A simulated browser with several tabs, and a collector that validates as the real one does.
//!
//! It executes effects as `src/browser` and `js/core/host.js` do. The steps decide what happens when, and what fails.

use std::collections::{BTreeMap, HashSet, VecDeque};

use tillroll::Millis;
use tillroll::effect::{Action, DEDUP, Effect};
use tillroll::input::{Input, InputKind};
use tillroll::queue::{StoredEntry, UNDECIDED_SUFFIX};
use tillroll::tracker::Tracker;
use tillroll_collector::decode;
use tillroll_protocol::cookies::VISITOR_COOKIE;
use tillroll_protocol::limits;
use tillroll_protocol::receipt::Receipt;

use crate::steps::{BeaconOutcome, MessageDelivery, RequestOutcome, Step};
use crate::wire::{self, Message, SavedState};

const NOON: Millis = 1_800_000_000_000;
pub(crate) const TABS: usize = 3;
const PAGE_HIDE: Input<'_> = Input { kind: InputKind::PageHide, texts: "", status: 0 };

/// A request on its way.
pub(crate) struct Request {
    pub(crate) body: String,
    /// The request may still arrive, but the tab gets no result.
    is_aborted: bool,
}

#[derive(Default)]
pub(crate) struct Tab {
    tracker: Tracker,
    pub(crate) requests: Vec<Request>,
    pub(crate) timer: Option<Millis>,
    inbox: VecDeque<Message>,
    /// What the script believes; each tab starts as a leader.
    is_leader: bool,
    has_joined: bool,
    /// Whether the browser has answered the request for the lock.
    has_answer: bool,
    /// What the store contained when the core requested it, until the browser returns it.
    restoring: VecDeque<Vec<StoredEntry>>,
    /// Calls that wait until the stored entries are there.
    waiting: Vec<StoredEntry>,
    /// In the back/forward cache: the tab gets no inputs, and another tab is the leader.
    is_cached: bool,
    /// Frozen by the browser: the tab gets no inputs until it resumes, and stays the leader if it is.
    is_frozen: bool,
}

#[derive(Default)]
pub(crate) struct Simulation {
    pub(crate) now: Millis,
    /// The latest time at which a call was made.
    latest: Millis,
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
    /// Whether a tab has processed calls that another open page has stored and not processed yet. The events of those calls may be sent by
    /// both tabs, so their order among the calls of the page is not certain.
    pub(crate) has_foreign_calls: bool,
}

impl Simulation {
    pub(crate) fn new() -> Self {
        let mut simulation = Self { now: NOON, tabs: (0..TABS).map(|_| Tab::default()).collect(), ..Self::default() };
        (0..TABS).for_each(|tab| simulation.open(tab));
        simulation
    }

    fn call_entry(&mut self, kind: &str, name: &str) -> StoredEntry {
        self.seeds += 1;
        self.latest = self.latest.max(self.now);
        let seed = format!("{:042x}", u128::from(self.seeds).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        StoredEntry::new(format!("{:013}-{:06}1", self.now, self.seeds), wire::call(kind, name, self.now, &seed))
    }

    /// Returns a call whose name contains the tab and sorts by the order of the calls. Most types are compared with the deduplication state.
    fn new_call(&mut self, tab: usize) -> StoredEntry {
        let name = format!("{tab}-{:05}", self.calls.len());
        self.calls.push(name.clone());
        let (kind, _) = wire::KINDS[self.calls.len() % wire::KINDS.len()];
        self.call_entry(kind, &name)
    }

    /// Stores a call without decisions; returns the entry.
    fn store_undecided(&mut self, mut call: StoredEntry) -> StoredEntry {
        call.key.push(char::from(UNDECIDED_SUFFIX));
        self.write(call.clone());
        call
    }

    fn open(&mut self, tab: usize) {
        self.release_lock(tab);
        self.tabs[tab] = Tab { is_leader: true, ..Tab::default() };
        let call = self.call_entry("land", "");
        let call = self.store_undecided(call);
        let saved = SavedState { dedup: String::new(), ..self.saved.clone() };
        self.change_state(tab, &saved);
        self.dispatch(tab, InputKind::Start, &["granted", &call.key, &call.text]);
    }

    /// Passes the saved state to the core: all of it, or only the deduplication state.
    fn refresh(&mut self, tab: usize, has_all: bool) {
        let saved = self.saved.clone();
        let saved = if has_all { saved } else { SavedState { dedup: saved.dedup, ..SavedState::default() } };
        self.change_state(tab, &saved);
    }

    fn change_state(&mut self, tab: usize, SavedState { visitor, session, dedup }: &SavedState) {
        self.dispatch(tab, InputKind::StateChanged, &[visitor, session, dedup]);
    }

    /// Makes a call in a tab. While the store is read, the call is stored and waits.
    fn call(&mut self, tab: usize) {
        let call = self.new_call(tab);
        if self.tabs[tab].restoring.is_empty() {
            return self.process_call(tab, &call);
        }
        let call = self.store_undecided(call);
        self.tabs[tab].waiting.push(call);
    }

    fn process_call(&mut self, tab: usize, call: &StoredEntry) {
        self.refresh(tab, false);
        self.dispatch(tab, InputKind::Call, &[&call.key, &call.text]);
    }

    /// The browser returns the stored entries.
    pub(crate) fn finish_restore(&mut self, tab: usize) {
        let Some(entries) = self.tabs[tab].restoring.pop_front() else { return };
        let others = self.tabs.iter().enumerate().filter(|(other, _)| *other != tab).flat_map(|(_, other)| &other.waiting);
        self.has_foreign_calls |= others.into_iter().any(|call| entries.contains(call));
        for entry in &entries {
            self.dispatch(tab, InputKind::Stored, &[&entry.key, &entry.text]);
        }
        self.dispatch(tab, InputKind::Restored, &[]);
        self.dispatch(tab, InputKind::Restored, &[]);
        for call in std::mem::take(&mut self.tabs[tab].waiting) {
            self.process_call(tab, &call);
        }
    }

    /// The browser answers the tab's request for the lock.
    pub(crate) fn answer_lock(&mut self, tab: usize) {
        if self.tabs[tab].has_joined && !std::mem::replace(&mut self.tabs[tab].has_answer, true) {
            self.set_leader(tab, self.lock.front() == Some(&tab));
        }
    }

    fn dispatch(&mut self, tab: usize, kind: InputKind, texts: &[&str]) {
        self.dispatch_with(tab, Input { kind, texts: &texts.join("\0"), status: 0 }, BeaconOutcome::Lost);
    }

    fn dispatch_with(&mut self, tab: usize, input: Input<'_>, beacon: BeaconOutcome) {
        let mut effects = Vec::new();
        self.tabs[tab].tracker.handle(self.now, input, &mut effects);
        for effect in effects {
            if let Effect::Act { action, text, more, number } = effect {
                self.execute(tab, action, [text, more], number, beacon);
            }
        }
    }

    fn execute(&mut self, tab: usize, action: Action, [text, more]: [String; 2], number: f64, beacon: BeaconOutcome) {
        let abort = |requests: &mut [Request]| requests.iter_mut().for_each(|request| request.is_aborted = true);
        match action {
            Action::Persist => self.write(StoredEntry::new(text, more)),
            Action::Share => self.broadcast(tab, &Message::Shared(StoredEntry::new(text, more))),
            Action::Delete => {
                text.split(',').for_each(|key| drop(self.disk.remove(key)));
                self.broadcast(tab, &Message::Deleted(text));
            }
            Action::Restore => {
                self.join_election(tab);
                self.refresh(tab, false);
                let stored = self.disk.iter().map(|(key, text)| StoredEntry::new(key.clone(), text.clone())).collect();
                self.tabs[tab].restoring.push_back(stored);
            }
            Action::Save if text == DEDUP => self.saved.dedup = more,
            Action::Save => {
                let mut message = SavedState { dedup: self.saved.dedup.clone(), ..SavedState::default() };
                for saved in [&mut self.saved, &mut message] {
                    *(if text == VISITOR_COOKIE { &mut saved.visitor } else { &mut saved.session }) = more.clone();
                }
                self.broadcast(tab, &Message::SavedState(message));
            }
            Action::Send => {
                abort(&mut self.tabs[tab].requests);
                self.tabs[tab].requests.push(Request { body: wire::body(&text, number), is_aborted: false });
            }
            Action::Abort => abort(&mut self.tabs[tab].requests),
            Action::Beacon if matches!(beacon, BeaconOutcome::Stored) => drop(self.store(&wire::body(&text, number))),
            Action::SetTimer => self.tabs[tab].timer = (number >= 0.0).then(|| self.now + number as Millis),
            Action::Beacon | Action::ClearAll | Action::Report => {}
        }
    }

    fn write(&mut self, entry: StoredEntry) {
        if !self.is_full {
            self.disk.insert(entry.key, entry.text);
        } else if let Some(name) = self.calls.iter().find(|name| wire::call_of(&entry.text).contains(name.as_str())) {
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
            self.tabs[tab].has_answer = false;
        }
    }

    fn set_leader(&mut self, tab: usize, is_leader: bool) {
        if std::mem::replace(&mut self.tabs[tab].is_leader, is_leader) != is_leader {
            self.dispatch(tab, InputKind::Leader, &[if is_leader { "1" } else { "" }]);
        }
    }

    /// Removes the tab from the lock and its waiters; the next waiter becomes the leader.
    fn release_lock(&mut self, tab: usize) {
        let was_first = self.lock.front() == Some(&tab);
        self.lock.retain(|other| *other != tab);
        self.tabs[tab].has_joined = false;
        self.tabs[tab].inbox.clear();
        if let Some(next) =
            self.lock.front().copied().filter(|next| was_first && self.tabs[*next].has_answer && !self.tabs[*next].is_frozen)
        {
            self.set_leader(next, true);
        }
    }

    /// Stores what the collector would store, deduplicated; returns the response.
    fn store(&mut self, body: &str) -> String {
        let request = decode::calls(body.as_bytes()).expect("the collector parses each request of a page");
        let mut accepted = 0;
        decode::call_events(request, &Receipt::of_page(limits::MAX_TIME_MS, None), |event| {
            let decoded = event.expect("the collector accepts each event of a page");
            accepted += 1;
            if let Some(name) = wire::name(&decoded.event.kind, &decoded.event.params).filter(|_| self.seen.insert(decoded.key)) {
                self.stored.push(name);
            }
            true
        })
        .expect("a page sends no more events than a request may have");
        format!(r#"{{"accepted":{accepted},"duplicates":0,"rejected":[]}}"#)
    }

    pub(crate) fn end_request(&mut self, tab: usize, outcome: RequestOutcome) {
        if self.tabs[tab].requests.is_empty() {
            return;
        }
        let Request { body, is_aborted } = self.tabs[tab].requests.remove(0);
        let is_stored = matches!(outcome, RequestOutcome::Stored | RequestOutcome::StoredWithoutResponse);
        let stored = if is_stored { self.store(&body) } else { String::new() };
        let (status, texts) = wire::response(outcome, &stored);
        if self.is_running(tab) && !is_aborted {
            self.dispatch_with(tab, Input { kind: InputKind::RequestDone, texts: &texts, status }, BeaconOutcome::Lost);
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
                self.dispatch(tab, InputKind::Timer, &[]);
            }
        }
    }

    /// Delivers the next message; messages wait while the store is read.
    fn deliver(&mut self, tab: usize, delivery_mode: MessageDelivery) {
        if !self.tabs[tab].restoring.is_empty() {
            return;
        }
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
                Message::Shared(entry) => self.dispatch(tab, InputKind::Call, &[&entry.key, &entry.text]),
                Message::Deleted(keys) => self.dispatch(tab, InputKind::DeletedElsewhere, &[keys]),
                Message::SavedState(saved) => self.change_state(tab, saved),
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
            Step::DeliverMessage(tab, _) | Step::FinishRestore(tab) | Step::AnswerLock(tab) | Step::Hide(tab) | Step::Online(tab)
                if !self.is_running(tab) =>
            {
                return;
            }
            _ => {}
        }
        match step {
            Step::Call(tab) => self.call(tab),
            Step::FinishRestore(tab) => self.finish_restore(tab),
            Step::AnswerLock(tab) => self.answer_lock(tab),
            Step::InterruptedLoad(tab) => {
                self.dispatch(tab, InputKind::PageHide, &[]);
                let call = self.new_call(tab);
                self.store_undecided(call);
                self.open(tab);
            }
            Step::Reload(tab, beacon) => {
                self.dispatch_with(tab, PAGE_HIDE, beacon);
                self.open(tab);
            }
            Step::EnterCache(tab, beacon) => {
                self.dispatch_with(tab, PAGE_HIDE, beacon);
                self.tabs[tab].is_cached = true;
                self.release_lock(tab);
                self.set_leader(tab, false);
            }
            Step::Freeze(tab) => self.tabs[tab].is_frozen = true,
            Step::DeliverMessage(tab, delivery_mode) => self.deliver(tab, delivery_mode),
            Step::Hide(tab) => self.dispatch(tab, InputKind::Hidden, &[]),
            Step::Online(tab) => self.dispatch(tab, InputKind::Online, &[]),
            _ => {}
        }
    }

    /// Resumes a frozen tab or a cached page.
    fn resume(&mut self, tab: usize) {
        if std::mem::take(&mut self.tabs[tab].is_frozen) && self.tabs[tab].has_answer && self.lock.front() == Some(&tab) {
            self.set_leader(tab, true);
        }
        if std::mem::take(&mut self.tabs[tab].is_cached) {
            self.refresh(tab, true);
            self.dispatch(tab, InputKind::PageShow, &[]);
            self.join_election(tab);
        }
    }

    /// Runs one page with a working connection until it is idle. Its clock is not behind that of any page before: a page leaves calls that
    /// seem younger than itself to a later one.
    pub(crate) fn run_to_idle(&mut self) {
        self.now = self.now.max(self.latest);
        self.is_full = false;
        self.lock.clear();
        self.tabs.truncate(1);
        self.open(0);
        for _ in 0..10_000 {
            self.finish_restore(0);
            self.answer_lock(0);
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
