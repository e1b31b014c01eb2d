//! A run with faults: they come one after the other, in an order that the seed decides, while pages send and readers export.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use tillroll_cluster::{Collector, Senders, Stopwatch, within};

use super::faults::{Fault, FaultInjector, Faults, KINDS, Observed};
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

/// How many more events are acknowledged before the next faults begin.
const EVENTS_BETWEEN_FAULTS: u64 = 20;

/// How much later than the first one another fault of the same time begins, at the most.
const MAX_LATER_MS: u64 = 1_500;

/// How long a run is, and what decides its order.
pub(super) struct Plan {
    pub(super) end: End,
    pub(super) seed: u64,
    /// How many faults there are at the same time.
    pub(super) at_once: usize,
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
    let injector = FaultInjector::new(members, &wait);
    let mut faults = Faults::default();
    let mut number = 0;
    loop {
        ensure!(senders.wait_for_more(EVENTS_BETWEEN_FAULTS), "no event was acknowledged for too long after fault {number}");
        let count = match plan.end {
            End::After(time) if watch.elapsed() >= time => 0,
            End::After(_) => plan.at_once,
            End::Faults(count) => plan.at_once.min(count - number),
        };
        if count == 0 || stop.load(Relaxed) {
            break;
        }
        let kinds: Vec<_> = (0..count).map(|_| order.next()).collect();
        let results = make(&injector, &kinds, &mut order.random);
        let (seconds, acknowledged) = (watch.elapsed().as_secs_f64(), senders.acknowledged());
        for ((fault, about), result) in kinds.into_iter().zip(results) {
            let (names, wrong) = result?;
            number += 1;
            *faults.counts.entry(fault).or_default() += 1;
            println!("{seconds:7.1} s {number:4}  {about}: {names}; {acknowledged} events are acknowledged");
            if let Some(wrong) = wrong {
                println!("       wrong: {wrong}");
                faults.wrong.push(wrong);
            }
        }
    }
    Ok(faults)
}

/// Makes faults at the same time, and waits until all have ended.
fn make(injector: &FaultInjector<'_>, kinds: &[(Fault, &str)], random: &mut Random) -> Vec<Result<Observed>> {
    let mut starts: Vec<_> = kinds.iter().map(|_| (random.below(MAX_LATER_MS), random.below(u64::MAX))).collect();
    starts[0].0 = 0;
    std::thread::scope(|scope| {
        let start = |((fault, _), (later, seed)): (&(Fault, &str), (u64, u64))| {
            let (fault, mut random) = (*fault, Random::new("fault", 0, seed));
            scope.spawn(move || {
                (injector.wait)(Duration::from_millis(later));
                injector.run(fault, &mut random)
            })
        };
        let threads: Vec<_> = kinds.iter().zip(starts).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a fault panicked"))).collect()
    })
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
