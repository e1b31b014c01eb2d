//! A group of collectors for a test, started from an empty folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use tillroll_cluster::{Collector, Nats, Network, ServerSettings, until};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tillroll");

/// The environment variable with the path of the NATS server.
const NATS_SERVER: &str = "TILLROLL_NATS_SERVER";

/// A group. Dropping it kills all processes.
pub(crate) struct Group {
    pub(crate) nodes: Vec<Collector>,
    pub(crate) nats: Nats,
    pub(crate) folder: TempDir,
    /// The settings of the collectors beside the log.
    variables: Vec<(&'static str, String)>,
    /// What comes before the address of each server, with a name and a password.
    scheme: &'static str,
}

impl Group {
    /// Starts the servers and this many collectors, and waits until all are ready.
    pub(crate) fn start(count: usize) -> Self {
        Self::start_with(count, &[])
    }

    /// Starts the group with these environment variables of its collectors.
    pub(crate) fn start_with(count: usize, variables: &[(&'static str, &str)]) -> Self {
        Self::start_on(count, variables, ServerSettings::default(), "nats://")
    }

    /// Starts the group on servers with these settings, whose addresses begin with `scheme`.
    pub(crate) fn start_on(count: usize, variables: &[(&'static str, &str)], settings: ServerSettings<'_>, scheme: &'static str) -> Self {
        let server =
            std::env::var_os(NATS_SERVER).unwrap_or_else(|| panic!("{NATS_SERVER} is not set: run `cargo xtask test --only scale-out`"));
        let folder = tempfile::tempdir().unwrap();
        let nats = Nats::start_with(Path::new(&server), folder.path(), &Network::direct(), settings).unwrap();
        let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let mut group = Self { nodes: Vec::new(), nats, folder, variables, scheme };
        for at in 0..count {
            let node = group.add(&format!("collector-{at}"));
            node.start().unwrap();
            node.wait_until_ready().unwrap();
        }
        group
    }

    /// Adds a collector without starting it.
    pub(crate) fn add(&mut self, name: &str) -> &Collector {
        let urls = self.nats.urls(name, &Network::direct()).unwrap().replace("nats://", self.scheme);
        let mut variables: Vec<_> = self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        variables.push(("TILLROLL_LOG", &urls));
        self.nodes.push(Collector::new(Path::new(PROGRAM), self.folder.path(), name, &variables));
        self.nodes.last().unwrap()
    }

    /// Stops all members, makes the first collector independent, and starts it alone, with these environment variables.
    pub(crate) fn leave(mut self, variables: &[(&str, &str)]) -> (Collector, TempDir) {
        let data = self.nodes[0].data.clone();
        self.nodes.clear();
        assert!(run_program(&["leave", "--data", data.to_str().unwrap()]).status.success());
        let alone = Collector::new(Path::new(PROGRAM), self.folder.path(), "collector-0", variables);
        alone.start().and_then(|()| alone.wait_until_ready()).unwrap();
        (alone, self.folder)
    }

    /// Writes the key of the group into a file.
    pub(crate) fn key_file(&self) -> PathBuf {
        let file = self.folder.path().join("key");
        std::fs::write(&file, Collector::group_key()).unwrap();
        file
    }

    /// Waits until all nodes export the same, with at least this many events, and returns the export of the events.
    pub(crate) fn until_equal(&self, min_events: usize) -> String {
        let mut events = String::new();
        until("all nodes export the same", || {
            let all: Option<Vec<_>> = self.nodes.iter().map(Collector::exports).collect();
            let Some(all) = all else { return false };
            events.clone_from(&all[0][0]);
            all.iter().all(|exports| *exports == all[0]) && events.lines().count() >= min_events
        });
        events
    }

    /// Waits until one node is the leader, and returns which.
    pub(crate) fn until_led(&self) -> usize {
        until("one node is the leader", || self.leaders().len() == 1);
        self.leaders()[0]
    }

    /// Returns which nodes report that they are the leader.
    pub(crate) fn leaders(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|at| self.nodes[*at].metric("tillroll_leader") == Some(1.0)).collect()
    }
}

/// Runs the program with the key of the group until it exits.
pub(crate) fn run_program(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).env("TILLROLL_GROUP_KEY", Collector::group_key()).output().unwrap()
}
