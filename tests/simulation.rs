//! The page's half and the collector's judgement in one process, under every fault that a shop's day has.
//!
//! Tabs call, reload, crash and close; requests are lost, answered late, answered by somebody else, or stored without the answer coming
//! back; the clock jumps. Afterwards one page with a sound connection is opened. Then every call is stored, once, and each tab's calls are
//! in their order, unless the clock was set back meanwhile: what pages keep sorts by its time.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use tillroll::effect::Effect;
use tillroll::input::{Answer, Cookies, Input, Start};
use tillroll::queue::Item;
use tillroll::tracker::Tracker;
use tillroll::{Millis, delivery};
use tillroll_collector::decode;

const NOON: Millis = 1_800_000_000_000;
const TABS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Call(usize),
    /// A page that is left before its core has come: the shim has kept its call, and that is all.
    Glimpse(usize),
    Pass(Millis),
    Jump(i64),
    End(usize, Outcome),
    Reload(usize, Beacon),
    Crash(usize),
    Hide(usize),
    Return(usize),
    Online(usize),
}

/// How a request ends.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Stored,
    StoredUnheard,
    Lost,
    Status(u16, Option<Millis>),
    Portal,
}

/// What becomes of a beacon.
#[derive(Clone, Copy, Debug)]
enum Beacon {
    Stored,
    Lost,
}

#[derive(Default)]
struct Tab {
    tracker: Tracker,
    flights: Vec<(u32, String)>,
    wake: Option<Millis>,
}

#[derive(Default)]
struct World {
    now: Millis,
    seeds: u64,
    calls: Vec<(usize, String)>,
    disk: BTreeMap<String, String>,
    cookies: Cookies,
    tabs: Vec<Tab>,
    seen: HashSet<String>,
    stored: Vec<String>,
}

impl World {
    fn new() -> Self {
        let mut world = Self { now: NOON, tabs: (0..TABS).map(|_| Tab::default()).collect(), ..Self::default() };
        (0..TABS).for_each(|tab| world.open(tab));
        world
    }

    fn call_item(&mut self, kind: &str, name: &str) -> Item {
        self.seeds += 1;
        let seed = format!("{:042x}", u128::from(self.seeds).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        let fields = [("seed", seed.as_str()), ("api", "metrilo"), ("type", kind), ("url", "https://shop/")];
        let members: String = fields.iter().map(|(key, value)| format!(":{key}\u{1f}${value}\u{1f}")).collect();
        let text = format!("{{:time\u{1f}#{}\u{1f}{members}:params\u{1f}{{:name\u{1f}${name}\u{1f}}}}}", self.now);
        Item::new(format!("{:013}-{:06}1", self.now, self.seeds), text)
    }

    fn open(&mut self, tab: usize) {
        self.tabs[tab] = Tab::default();
        let call = self.call_item("land", "");
        let cookies = self.cookies.clone();
        let start = Start { token: "t", version: "1", consent: "granted", cookies: cookies.lend(), call: call.lend(), ..Start::default() };
        self.tell(tab, Input::Start(&start), Beacon::Lost);
    }

    fn tell(&mut self, tab: usize, input: Input<'_>, beacon: Beacon) {
        for effect in self.tabs[tab].tracker.handle(self.now, input) {
            self.perform(tab, effect, beacon);
        }
    }

    fn perform(&mut self, tab: usize, effect: Effect, beacon: Beacon) {
        match effect {
            Effect::Keep(item) => drop(self.disk.insert(item.key, item.text)),
            Effect::Forget(keys) => keys.iter().for_each(|key| drop(self.disk.remove(key))),
            Effect::Restore => {
                let kept: Vec<_> = self.disk.iter().map(|(key, text)| Item::new(key.clone(), text.clone())).collect();
                self.tell(tab, Input::Restored(&kept), beacon);
            }
            Effect::Visitor(text) => self.cookies.visitor = text,
            Effect::Session(text) => self.cookies.session = text,
            Effect::Notes(text) => self.cookies.notes = text,
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
            Effect::Wake(after) => self.tabs[tab].wake = after.map(|after| self.now + after),
            Effect::Wipe | Effect::Report(_) => {}
        }
    }

    /// The collector's judgement: what it would store, once.
    fn store(&mut self, body: &str) -> String {
        let batch = decode::batch(body.as_bytes()).expect("a page never sends an unreadable batch");
        for text in &batch.events {
            let incoming = decode::event(text.get()).expect("a page never sends an event that the collector refuses");
            if self.seen.insert(incoming.event.id.clone()) && incoming.event.kind == "custom" {
                let params: serde_json::Value = serde_json::from_str(&incoming.event.params).expect("parameters are JSON");
                self.stored.push(params["name"].as_str().expect("a name").into());
            }
        }
        format!(r#"{{"accepted":{},"duplicates":0,"rejected":[]}}"#, batch.events.len())
    }

    fn end(&mut self, tab: usize, outcome: Outcome) {
        if self.tabs[tab].flights.is_empty() {
            return;
        }
        let (request, body) = self.tabs[tab].flights.remove(0);
        let answer = match outcome {
            Outcome::Stored => Answer { status: 200, body: self.store(&body), ..Answer::default() },
            Outcome::StoredUnheard => {
                self.store(&body);
                Answer::default()
            }
            Outcome::Lost => Answer::default(),
            Outcome::Status(status, retry_after) => Answer { status, retry_after, ..Answer::default() },
            Outcome::Portal => Answer { status: 200, body: "<html>".into(), ..Answer::default() },
        };
        self.tell(tab, Input::Answered(&Answer { request, ..answer }), Beacon::Lost);
    }

    fn pass(&mut self, time: Millis) {
        self.now += time;
        for tab in 0..self.tabs.len() {
            if self.tabs[tab].wake.is_some_and(|wake| wake <= self.now) {
                self.tabs[tab].wake = None;
                self.tell(tab, Input::Woken, Beacon::Lost);
            }
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Call(tab) => {
                let name = format!("{tab}-{:05}", self.calls.len());
                self.calls.push((tab, name.clone()));
                let item = self.call_item("custom", &name);
                self.tell(tab, Input::Call(item.lend()), Beacon::Lost);
            }
            Step::Glimpse(tab) => {
                let name = format!("{tab}-{:05}", self.calls.len());
                self.calls.push((tab, name.clone()));
                let item = self.call_item("custom", &name);
                self.tell(tab, Input::Left, Beacon::Lost);
                self.disk.insert(item.key, item.text);
                self.open(tab);
            }
            Step::Pass(time) => self.pass(time),
            Step::Jump(time) => self.now = self.now.saturating_add_signed(time),
            Step::End(tab, outcome) => self.end(tab, outcome),
            Step::Reload(tab, beacon) => {
                self.tell(tab, Input::Left, beacon);
                self.open(tab);
            }
            Step::Crash(tab) => self.open(tab),
            Step::Hide(tab) => self.tell(tab, Input::Hidden, Beacon::Lost),
            Step::Return(tab) => {
                self.tell(tab, Input::Recalled(self.cookies.clone().lend()), Beacon::Lost);
                self.tell(tab, Input::Returned, Beacon::Lost);
            }
            Step::Online(tab) => self.tell(tab, Input::Online, Beacon::Lost),
        }
    }

    /// One page with a sound connection, until nothing is left to do.
    fn settle(&mut self) {
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

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let tab = 0..TABS;
    let outcome = prop_oneof![
        4 => Just(Outcome::Stored),
        2 => Just(Outcome::StoredUnheard),
        2 => Just(Outcome::Lost),
        1 => (prop::sample::select(vec![408, 429, 500, 502, 503, 504, 404]), prop::option::of(0..120_000_u64)).prop_map(|(status, asked)| Outcome::Status(status, asked)),
        1 => Just(Outcome::Portal),
    ];
    let beacon = prop_oneof![Just(Beacon::Stored), Just(Beacon::Lost)];
    let step = prop_oneof![
        8 => tab.clone().prop_map(Step::Call),
        1 => tab.clone().prop_map(Step::Glimpse),
        6 => (0..3 * delivery::PATIENCE).prop_map(Step::Pass),
        1 => (-100_000_i64..100_000_000).prop_map(Step::Jump),
        5 => (tab.clone(), outcome).prop_map(|(tab, outcome)| Step::End(tab, outcome)),
        2 => (tab.clone(), beacon).prop_map(|(tab, beacon)| Step::Reload(tab, beacon)),
        1 => tab.clone().prop_map(Step::Crash),
        1 => tab.clone().prop_map(Step::Hide),
        1 => tab.clone().prop_map(Step::Return),
        1 => tab.prop_map(Step::Online),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_call_is_stored_once_and_in_order(steps in steps()) {
        let mut world = World::new();
        let set_back = steps.iter().any(|step| matches!(step, Step::Jump(time) if *time < 0));
        steps.into_iter().for_each(|step| world.step(step));
        world.settle();
        for tab in (0..TABS).filter(|_| !set_back) {
            let of_tab: Vec<&String> = world.stored.iter().filter(|name| name.starts_with(&format!("{tab}-"))).collect();
            prop_assert!(of_tab.is_sorted(), "out of order: {of_tab:?}");
        }
        let mut stored = world.stored.clone();
        stored.sort();
        let mut called: Vec<String> = world.calls.iter().map(|(_, name)| name.clone()).collect();
        called.sort();
        prop_assert_eq!(stored, called);
        prop_assert_eq!(world.disk.len(), 0, "something stays kept for ever");
    }

    #[test]
    fn the_same_inputs_give_the_same_effects(steps in steps()) {
        let run = || {
            let mut world = World::new();
            steps.iter().cloned().for_each(|step| world.step(step));
            (world.disk, world.stored, world.cookies)
        };
        prop_assert_eq!(run(), run());
    }
}

#[test]
fn a_tracker_at_rest_asks_for_nothing() {
    let mut world = World::new();
    world.step(Step::Call(0));
    world.settle();
    assert_eq!(world.tabs[0].wake, None);
    assert!(world.tabs[0].flights.is_empty() && world.disk.is_empty());
}
