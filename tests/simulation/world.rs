//! A browser with several tabs, a collector that judges as the real one does, and whatever may go wrong between them.
//!
//! It carries out effects as the browser's edge does, and does nothing else of its own: what happens when, and what fails, the steps say.

use std::collections::{BTreeMap, HashSet, VecDeque};

use tillroll::Millis;
use tillroll::effect::Effect;
use tillroll::input::{Input, SavedState, SendResult, Start};
use tillroll::queue::StoredEntry;
use tillroll::tracker::Tracker;
use tillroll_collector::ingest::decode;

use crate::steps::{Beacon, Hearing, Outcome, Step};

const NOON: Millis = 1_800_000_000_000;
pub(crate) const TABS: usize = 3;

/// What one tab says to another.
#[derive(Clone, Debug)]
enum Message {
    Kept(StoredEntry),
    Forgotten(String),
    SavedState(SavedState),
}

#[derive(Default)]
pub(crate) struct Tab {
    tracker: Tracker,
    pub(crate) flights: Vec<(u32, String)>,
    pub(crate) wake: Option<Millis>,
    mail: VecDeque<Message>,
    owns: bool,
    joined: bool,
    /// In the browser's cache: nothing is heard, and the queue belongs to another tab.
    away: bool,
    /// Put to sleep by the browser: nothing is heard until it wakes, and what it owns it keeps.
    asleep: bool,
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) now: Millis,
    seeds: u64,
    pub(crate) calls: Vec<String>,
    /// The calls that the disk had no room for.
    pub(crate) unkept: Vec<String>,
    pub(crate) disk: BTreeMap<String, String>,
    pub(crate) is_full: bool,
    pub(crate) cookies: SavedState,
    pub(crate) tabs: Vec<Tab>,
    /// The tab that has the lock, and those that wait for it.
    lock: VecDeque<usize>,
    seen: HashSet<uuid::Uuid>,
    pub(crate) stored: Vec<String>,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self { now: NOON, tabs: (0..TABS).map(|_| Tab::default()).collect(), ..Self::default() };
        (0..TABS).for_each(|tab| world.open(tab));
        world
    }

    fn call_item(&mut self, kind: &str, name: &str) -> StoredEntry {
        self.seeds += 1;
        let seed = format!("{:042x}", u128::from(self.seeds).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        let fields = [("seed", seed.as_str()), ("api", "metrilo"), ("type", kind), ("url", "https://shop/")];
        let members: String = fields.iter().map(|(key, value)| format!(":{key}\u{1f}${value}\u{1f}")).collect();
        let text = format!("{{:time\u{1f}#{}\u{1f}{members}:params\u{1f}{{:name\u{1f}${name}\u{1f}}}}}", self.now);
        StoredEntry::new(format!("{:013}-{:06}1", self.now, self.seeds), text)
    }

    /// A call of the shop's, whose name says the tab and sorts by the order of the calls.
    fn new_call(&mut self, tab: usize) -> StoredEntry {
        let name = format!("{tab}-{:05}", self.calls.len());
        self.calls.push(name.clone());
        self.call_item("custom", &name)
    }

    fn open(&mut self, tab: usize) {
        self.unlock(tab);
        self.tabs[tab] = Tab { owns: true, ..Tab::default() };
        let call = self.call_item("land", "");
        let cookies = self.cookies.clone();
        let start =
            Start { token: "t", version: "1", consent: "granted", saved: cookies.as_ref(), load_call: call.as_ref(), ..Start::default() };
        self.tell(tab, Input::Start(&start), Beacon::Lost);
    }

    fn tell(&mut self, tab: usize, input: Input<'_>, beacon: Beacon) {
        for effect in self.tabs[tab].tracker.handle(self.now, input) {
            self.perform(tab, effect, beacon);
        }
    }

    fn perform(&mut self, tab: usize, effect: Effect, beacon: Beacon) {
        match effect {
            Effect::Persist(item) => {
                self.write(item.clone());
                if !self.tabs[tab].owns {
                    self.say(tab, &Message::Kept(item));
                }
            }
            Effect::Delete(keys) => {
                keys.iter().for_each(|key| drop(self.disk.remove(key)));
                self.say(tab, &Message::Forgotten(keys.join(",")));
            }
            Effect::Restore => {
                self.enter(tab);
                let kept: Vec<_> = self.disk.iter().map(|(key, text)| StoredEntry::new(key.clone(), text.clone())).collect();
                self.tell(tab, Input::Restored(&kept), beacon);
            }
            Effect::SaveVisitor(text) => {
                self.cookies.visitor = text;
                self.say(tab, &Message::SavedState(self.cookies.clone()));
            }
            Effect::SaveSession(text) => {
                self.cookies.session = text;
                self.say(tab, &Message::SavedState(self.cookies.clone()));
            }
            Effect::SaveDedup(text) => self.cookies.dedup = text,
            Effect::Send { request, body } => {
                assert!(body.len() < 60 * 1024, "a request that could not be sent while the page is left");
                assert!(self.tabs[tab].flights.iter().all(|(other, _)| *other != request));
                self.tabs[tab].flights.push((request, body));
            }
            // The page gives up hope of an answer; the request may arrive all the same, so it stays under way here.
            Effect::Abort { .. } => {}
            Effect::Beacon(body) => {
                assert!(body.len() < 60 * 1024);
                if matches!(beacon, Beacon::Stored) {
                    self.store(&body);
                }
            }
            Effect::SetTimer(after) => self.tabs[tab].wake = after.map(|after| self.now + after),
            Effect::ClearAll | Effect::Report(_) => {}
        }
    }

    fn write(&mut self, item: StoredEntry) {
        if !self.is_full {
            self.disk.insert(item.key, item.text);
        } else if let Some(name) = self.calls.iter().find(|name| item.text.contains(name.as_str())) {
            self.unkept.push(name.clone());
        }
    }

    fn say(&mut self, tab: usize, message: &Message) {
        let others = self.tabs.iter_mut().enumerate().filter(|(other, _)| *other != tab);
        others.filter(|(_, other)| other.joined).for_each(|(_, other)| other.mail.push_back(message.clone()));
    }

    fn enter(&mut self, tab: usize) {
        if !std::mem::replace(&mut self.tabs[tab].joined, true) {
            self.lock.push_back(tab);
            self.own(tab, self.lock.front() == Some(&tab));
        }
    }

    fn own(&mut self, tab: usize, owns: bool) {
        if std::mem::replace(&mut self.tabs[tab].owns, owns) != owns {
            self.tell(tab, Input::Leader(owns), Beacon::Lost);
        }
    }

    /// The tab has the lock no more, and waits for it no more; whoever is next has it.
    fn unlock(&mut self, tab: usize) {
        let was_first = self.lock.front() == Some(&tab);
        self.lock.retain(|other| *other != tab);
        self.tabs[tab].joined = false;
        self.tabs[tab].mail.clear();
        if let Some(next) = self.lock.front().copied().filter(|next| was_first && !self.tabs[*next].asleep) {
            self.own(next, true);
        }
    }

    /// The collector's judgement: what it would store, once.
    fn store(&mut self, body: &str) -> String {
        let batch = decode::batch(body.as_bytes()).expect("a page never sends an unreadable batch");
        for sent in &batch.events {
            let incoming = sent.read().expect("a page never sends an event that the collector refuses");
            if self.seen.insert(incoming.key) && incoming.event.kind == "custom" {
                let params: serde_json::Value = serde_json::from_str(&incoming.event.params).expect("parameters are JSON");
                self.stored.push(params["name"].as_str().expect("a name").into());
            }
        }
        format!(r#"{{"accepted":{},"duplicates":0,"rejected":[]}}"#, batch.events.len())
    }

    pub(crate) fn end(&mut self, tab: usize, outcome: Outcome) {
        if self.tabs[tab].flights.is_empty() {
            return;
        }
        let (request, body) = self.tabs[tab].flights.remove(0);
        let answer = match outcome {
            Outcome::Stored => SendResult { status: 200, body: self.store(&body), ..SendResult::default() },
            Outcome::StoredUnheard => {
                self.store(&body);
                SendResult::default()
            }
            Outcome::Lost => SendResult::default(),
            Outcome::Status(status, retry_after) => SendResult { status, retry_after, ..SendResult::default() },
            Outcome::Portal => SendResult { status: 200, body: "<html>".into(), ..SendResult::default() },
        };
        if self.is_awake(tab) {
            self.tell(tab, Input::RequestDone(&SendResult { request, ..answer }), Beacon::Lost);
        }
    }

    fn is_awake(&self, tab: usize) -> bool {
        !self.tabs[tab].away && !self.tabs[tab].asleep
    }

    pub(crate) fn pass(&mut self, time: Millis) {
        self.now += time;
        for tab in 0..self.tabs.len() {
            if self.is_awake(tab) && self.tabs[tab].wake.is_some_and(|wake| wake <= self.now) {
                self.tabs[tab].wake = None;
                self.tell(tab, Input::Timer, Beacon::Lost);
            }
        }
    }

    fn hear(&mut self, tab: usize, hearing: Hearing) {
        let mail = &mut self.tabs[tab].mail;
        if matches!(hearing, Hearing::Late) && mail.len() > 1 {
            mail.rotate_left(1);
        }
        let Some(message) = mail.pop_front() else { return };
        let times = match hearing {
            Hearing::Lost => 0,
            Hearing::Once | Hearing::Late => 1,
            Hearing::Twice => 2,
        };
        for _ in 0..times {
            match &message {
                Message::Kept(item) => self.tell(tab, Input::Call(item.as_ref()), Beacon::Lost),
                Message::Forgotten(keys) => self.tell(tab, Input::DeletedElsewhere(keys), Beacon::Lost),
                Message::SavedState(cookies) => self.tell(tab, Input::StateChanged(cookies.as_ref()), Beacon::Lost),
            }
        }
    }

    pub(crate) fn step(&mut self, step: Step) {
        match step {
            Step::Pass(time) => return self.pass(time),
            Step::Jump(time) => return self.now = self.now.saturating_add_signed(time),
            Step::Full(is_full) => return self.is_full = is_full,
            Step::End(tab, outcome) => return self.end(tab, outcome),
            Step::Return(tab) => return self.come_back(tab),
            Step::Crash(tab) => return self.open(tab),
            Step::Call(tab) | Step::Glimpse(tab) | Step::Reload(tab, _) | Step::Leave(tab, _) | Step::Sleep(tab) if !self.is_awake(tab) => {
                return self.step(Step::Return(tab));
            }
            Step::Hear(tab, _) | Step::Hide(tab) | Step::Online(tab) if !self.is_awake(tab) => return,
            _ => {}
        }
        match step {
            Step::Call(tab) => {
                let item = self.new_call(tab);
                self.tell(tab, Input::Call(item.as_ref()), Beacon::Lost);
            }
            Step::Glimpse(tab) => {
                self.tell(tab, Input::PageHide, Beacon::Lost);
                let item = self.new_call(tab);
                self.write(item);
                self.open(tab);
            }
            Step::Reload(tab, beacon) => {
                self.tell(tab, Input::PageHide, beacon);
                self.open(tab);
            }
            Step::Leave(tab, beacon) => {
                self.tell(tab, Input::PageHide, beacon);
                self.tabs[tab].away = true;
                self.unlock(tab);
                self.own(tab, false);
            }
            Step::Sleep(tab) => self.tabs[tab].asleep = true,
            Step::Hear(tab, hearing) => self.hear(tab, hearing),
            Step::Hide(tab) => self.tell(tab, Input::Hidden, Beacon::Lost),
            Step::Online(tab) => self.tell(tab, Input::Online, Beacon::Lost),
            _ => {}
        }
    }

    /// A tab wakes up, or comes back from the browser's cache.
    fn come_back(&mut self, tab: usize) {
        if std::mem::take(&mut self.tabs[tab].asleep) && self.lock.front() == Some(&tab) {
            self.own(tab, true);
        }
        if std::mem::take(&mut self.tabs[tab].away) {
            self.tell(tab, Input::StateChanged(self.cookies.clone().as_ref()), Beacon::Lost);
            self.tell(tab, Input::PageShow, Beacon::Lost);
            self.enter(tab);
        }
    }

    /// One page with a sound connection, until nothing is left to do.
    pub(crate) fn settle(&mut self) {
        self.is_full = false;
        self.lock.clear();
        self.tabs.truncate(1);
        self.open(0);
        for _ in 0..10_000 {
            if !self.tabs[0].flights.is_empty() {
                self.end(0, Outcome::Stored);
            } else if let Some(wake) = self.tabs[0].wake {
                self.pass(wake.saturating_sub(self.now));
            } else {
                return;
            }
        }
        panic!("the tracker never comes to rest");
    }
}
