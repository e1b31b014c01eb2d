//! The faults: each begins, lasts for a while, and ends. What the group must do meanwhile is checked here; the rest at the end of a run.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, prlimit};
use tillroll_cluster::{Collector, NatsServer, Process, SERVERS, Signal, within};

use super::members::Members;
use crate::random::Random;

/// A pause that outlasts the lease of the leader.
const MIN_PAUSE_MS: u64 = 7_000;

/// How long a state may take to be reached: far longer than it takes, because a loaded machine is no fault of the group.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// The name of ClickHouse.
const CLICKHOUSE: &str = "clickhouse";

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    KillLogLeader,
    KillServer,
    KillCollector,
    KillLeader,
    KillClickHouse,
    CutCollector,
    CutServers,
    PauseLeader,
    PauseServer,
    FullDisk,
    WrongClock,
}

/// All kinds, and what a run prints.
pub(super) const KINDS: [(Fault, &str); 11] = [
    (Fault::KillLogLeader, "the NATS server that leads the log is killed"),
    (Fault::KillServer, "a NATS server is killed"),
    (Fault::KillCollector, "a collector is killed"),
    (Fault::KillLeader, "the collector that leads the group is killed"),
    (Fault::KillClickHouse, "ClickHouse is killed"),
    (Fault::CutCollector, "the network between a collector and a NATS server is cut"),
    (Fault::CutServers, "the network between two NATS servers is cut"),
    (Fault::PauseLeader, "the collector that leads the group is paused for longer than its lease"),
    (Fault::PauseServer, "a NATS server is paused"),
    (Fault::FullDisk, "a collector cannot write to its disk"),
    (Fault::WrongClock, "the clock of a collector is wrong by an hour"),
];

/// The faults of a run.
#[derive(Default)]
pub(super) struct Faults {
    /// How often each kind was made.
    pub(super) counts: BTreeMap<Fault, usize>,
    /// What the group did wrong meanwhile.
    pub(super) wrong: Vec<String>,
}

/// The names of the members that had a fault, and what the group did wrong meanwhile.
pub(super) type Observed = (String, Option<String>);

/// A group in which faults are made.
pub(super) struct FaultInjector<'a> {
    pub(super) members: &'a Members,
    /// Waits for this time, or until the run is stopped.
    pub(super) wait: &'a (dyn Fn(Duration) + Sync),
    /// One of each process: of two faults at the same time, only one changes the state of a process, and the other waits for its end.
    turns: BTreeMap<&'a str, Mutex<()>>,
}

impl Fault {
    /// Returns whether this machine can have the fault.
    pub(super) fn is_possible(self, members: &Members) -> bool {
        match self {
            Self::KillClickHouse => members.clickhouse.is_some(),
            Self::WrongClock => members.libfaketime.is_file(),
            _ => true,
        }
    }
}

impl<'a> FaultInjector<'a> {
    pub(super) fn new(members: &'a Members, wait: &'a (dyn Fn(Duration) + Sync)) -> Self {
        let collectors = members.collectors.iter().map(|collector| collector.name.as_str());
        let servers = members.nats.servers.iter().map(|server| server.name.as_str());
        let turns = collectors.chain(servers).chain([CLICKHOUSE]).map(|name| (name, Mutex::default())).collect();
        Self { members, wait, turns }
    }

    fn turn(&self, name: &str) -> Option<MutexGuard<'_, ()>> {
        self.turns.get(name).map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes a fault, and ends it.
    pub(super) fn run(&self, fault: Fault, random: &mut Random) -> Result<Observed> {
        let Members { nats, collectors, .. } = self.members;
        let (at, next) = (random.below(SERVERS as u64) as usize, 1 + random.below(SERVERS as u64 - 1) as usize);
        let (server, other_server) = (&nats.servers[at], &nats.servers[(at + next) % SERVERS]);
        let collector = random.pick(collectors);
        let short = Duration::from_millis(300 + random.below(2_200));
        let long = Duration::from_millis(1_000 + random.below(5_000));
        let pause = Duration::from_millis(MIN_PAUSE_MS + random.below(2_000));
        match fault {
            Fault::KillLogLeader => self.kill_server(self.log_leader().unwrap_or(server), short),
            Fault::KillServer => self.kill_server(server, short),
            Fault::KillCollector => self.kill_collector(collector, short, &[]),
            Fault::KillLeader => self.kill_collector(self.leader().unwrap_or(collector), short, &[]),
            Fault::KillClickHouse => self.kill_clickhouse(short),
            Fault::CutCollector => self.cut(&collector.name, &server.name, long),
            Fault::CutServers => self.cut(&server.name, &other_server.name, long),
            Fault::PauseLeader => {
                let leader = self.leader().unwrap_or(collector);
                self.pause(&leader.name, &leader.process, pause)
            }
            Fault::PauseServer => self.pause(&server.name, &server.process, long),
            Fault::FullDisk => self.fill_disk(collector, short),
            Fault::WrongClock => {
                let (library, offset) = (self.members.libfaketime.to_string_lossy(), if random.has_chance(50) { "+1h" } else { "-1h" });
                let variables = [("LD_PRELOAD", &*library), ("FAKETIME", offset), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
                let _turn = self.turn(&collector.name);
                self.restart_collector(collector, Duration::ZERO, &variables)?;
                (self.wait)(long);
                self.restart_collector(collector, Duration::ZERO, &[]).map(|(name, wrong)| (format!("{name}, {offset}"), wrong))
            }
        }
    }

    fn log_leader(&self) -> Option<&NatsServer> {
        let mut leader = None;
        within(MAX_WAIT, || {
            leader = self.members.stream_leader();
            leader.is_some()
        });
        self.members.nats.servers.get(leader?)
    }

    fn leader(&self) -> Option<&Collector> {
        self.members.collectors.get(self.members.leader()?)
    }

    fn kill_server(&self, server: &NatsServer, time: Duration) -> Result<Observed> {
        let _turn = self.turn(&server.name);
        server.process.kill();
        (self.wait)(time);
        server.start()?;
        Ok((server.name.clone(), None))
    }

    /// Kills a collector, and starts it with these environment variables.
    fn kill_collector(&self, collector: &Collector, time: Duration, variables: &[(&str, &str)]) -> Result<Observed> {
        let _turn = self.turn(&collector.name);
        self.restart_collector(collector, time, variables)
    }

    fn restart_collector(&self, collector: &Collector, time: Duration, variables: &[(&str, &str)]) -> Result<Observed> {
        collector.process.kill();
        (self.wait)(time);
        collector.start_with(variables)?;
        let wrong = (!within(MAX_WAIT, || collector.is_ready())).then(|| format!("{} did not become ready", collector.name));
        Ok((collector.name.clone(), wrong))
    }

    fn kill_clickhouse(&self, time: Duration) -> Result<Observed> {
        let clickhouse = self.members.clickhouse.as_ref().context("ClickHouse does not run")?;
        let _turn = self.turn(CLICKHOUSE);
        clickhouse.process.kill();
        (self.wait)(time);
        clickhouse.restart()?;
        Ok((CLICKHOUSE.to_owned(), None))
    }

    fn cut(&self, first: &str, second: &str, time: Duration) -> Result<Observed> {
        self.members.network.set_cut(first, second, true);
        (self.wait)(time);
        self.members.network.set_cut(first, second, false);
        Ok((format!("{first} and {second}"), None))
    }

    fn pause(&self, name: &str, process: &Process, time: Duration) -> Result<Observed> {
        let _turn = self.turn(name);
        process.signal(Signal::STOP)?;
        (self.wait)(time);
        process.signal(Signal::CONT)?;
        Ok((name.to_owned(), None))
    }

    /// Makes every write to a file fail. The collector must stop, apply nothing meanwhile, and continue by itself afterwards.
    fn fill_disk(&self, collector: &Collector, time: Duration) -> Result<Observed> {
        let _turn = self.turn(&collector.name);
        let applied = || collector.metric("tillroll_log_applied_entry");
        let is_stopped = || collector.metric("tillroll_log_stopped") == Some(1.0) && !collector.is_ready();
        limit_files(&collector.process, Some(0))?;
        let has_stopped = within(MAX_WAIT, is_stopped);
        let before = applied();
        (self.wait)(time);
        let has_applied = applied() != before;
        limit_files(&collector.process, None)?;
        let wrong = match (has_stopped, has_applied) {
            (false, _) => Some("did not stop without space"),
            (true, true) => Some("applied entries without space"),
            (true, false) if !within(MAX_WAIT, || collector.is_ready()) => Some("did not continue with space"),
            (true, false) => None,
        };
        Ok((collector.name.clone(), wrong.map(|wrong| format!("{} {wrong}", collector.name))))
    }
}

/// Limits the size of the files that a process writes to, in bytes.
fn limit_files(process: &Process, limit: Option<u64>) -> Result<()> {
    prlimit(process.pid(), Resource::Fsize, Rlimit { current: limit, maximum: None }).context("cannot limit the size of files")?;
    Ok(())
}
