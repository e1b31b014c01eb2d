//! A run with faults: they come one after the other, in an order that the seed decides, while pages send and readers export.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Result, ensure};
use tillroll_cluster::{Collector, Senders, Stopwatch, within};

use super::faults::{Fault, FaultInjector, Faults, KINDS};
use super::members::Members;
use super::reader::Reader;
use super::verdict::{Run, Verdict};
use crate::random::Random;

/// How many pages send at the same time, and how long each waits between two requests.
const PAGES: usize = 8;
const PAGE_PAUSE: Duration = Duration::from_millis(100);

/// How often the load balancer asks a collector whether it is ready, and a reader exports.
const BALANCER_INTERVAL: Duration = Duration::from_millis(250);
const READER_INTERVAL: Duration = Duration::from_millis(500);

/// How many more events are acknowledged before the next fault begins.
const EVENTS_BETWEEN_FAULTS: u64 = 20;

/// How long a run is, and what decides its order.
pub(super) struct Plan {
    pub(super) end: End,
    pub(super) seed: u64,
}

/// When a run ends.
pub(super) enum End {
    After(Duration),
    Faults(usize),
}

/// Runs faults until the plan ends or `stop` is true, and compares what the collectors have stored.
pub(super) fn run(members: &Members, plan: &Plan, stop: &AtomicBool) -> Result<Verdict> {
    println!("\n{}", super::table::states(members));
    KINDS.iter().filter(|(kind, _)| !kind.is_possible(members)).for_each(|(_, about)| println!("not tried here: {about}"));
    println!("--seed {} repeats the order of these faults\n", plan.seed);
    let (senders, is_over) = (Senders::new(PAGES, PAGE_PAUSE), AtomicBool::new(false));
    let readers: Vec<_> = members.collectors.iter().map(|_| Mutex::new(Reader::default())).collect();
    let token = members.collectors[0].token()?;
    let (faults, acknowledged) = std::thread::scope(|scope| {
        for (collector, reader) in members.collectors.iter().zip(&readers) {
            scope.spawn(|| repeat(&is_over, BALANCER_INTERVAL, || collector.set_listed(collector.is_ready())));
            scope.spawn(|| repeat(&is_over, READER_INTERVAL, || read(reader, collector)));
        }
        let result = senders.run(&members.collectors, &token, |senders| run_faults(members, plan, stop, senders));
        is_over.store(true, Relaxed);
        result
    });
    let readers = readers.into_iter().map(|reader| reader.into_inner().unwrap_or_default()).collect();
    let run = Run { faults: faults?, senders, acknowledged, readers };
    Ok(Verdict::new(members, run))
}

fn repeat(is_over: &AtomicBool, interval: Duration, mut work: impl FnMut()) {
    while !is_over.load(Relaxed) {
        work();
        within(interval, || is_over.load(Relaxed));
    }
}

fn read(reader: &Mutex<Reader>, collector: &Collector) {
    if let Ok(mut reader) = reader.lock() {
        reader.read(collector);
    }
}

fn run_faults(members: &Members, plan: &Plan, stop: &AtomicBool, senders: &Senders) -> Result<Faults> {
    let watch = Stopwatch::start();
    let mut order = Order::new(members, plan.seed);
    let wait = |time: Duration| _ = within(time, || stop.load(Relaxed));
    let injector = FaultInjector { members, wait: &wait };
    let mut faults = Faults::default();
    for number in 1.. {
        ensure!(senders.wait_for_more(EVENTS_BETWEEN_FAULTS), "no event was acknowledged for too long after fault {}", number - 1);
        let is_over = match plan.end {
            End::After(time) => watch.elapsed() >= time,
            End::Faults(count) => number > count,
        };
        if is_over || stop.load(Relaxed) {
            break;
        }
        let (fault, about) = order.next();
        let (names, wrong) = injector.run(fault, &mut order.random)?;
        *faults.counts.entry(fault).or_default() += 1;
        let (seconds, acknowledged) = (watch.elapsed().as_secs_f64(), senders.acknowledged());
        println!("{seconds:7.1} s {number:4}  {about}: {names}; {acknowledged} events are acknowledged");
        if let Some(wrong) = wrong {
            println!("       wrong: {wrong}");
            faults.wrong.push(wrong);
        }
    }
    Ok(faults)
}

/// The order of the faults: all kinds once, in random order, then again.
struct Order {
    random: Random,
    possible: Vec<(Fault, &'static str)>,
    left: Vec<(Fault, &'static str)>,
}

impl Order {
    fn new(members: &Members, seed: u64) -> Self {
        let possible = KINDS.into_iter().filter(|(kind, _)| kind.is_possible(members)).collect();
        Self { random: Random::new("faults", 0, seed), possible, left: Vec::new() }
    }

    fn next(&mut self) -> (Fault, &'static str) {
        if self.left.is_empty() {
            self.left.clone_from(&self.possible);
        }
        let at = self.random.below(self.left.len() as u64) as usize;
        self.left.swap_remove(at)
    }
}
