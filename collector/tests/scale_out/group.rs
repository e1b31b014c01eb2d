//! Collectors that share a log, and an HTTP client of each.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

use crate::nats::Nats;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tillroll");

/// The key of the groups of the tests.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A group. Dropping it kills all processes.
pub(crate) struct Group {
    pub(crate) nodes: Vec<Node>,
    pub(crate) nats: Mutex<Nats>,
    pub(crate) folder: TempDir,
}

/// A collector.
pub(crate) struct Node {
    pub(crate) data: PathBuf,
    urls: String,
    variables: Vec<(String, String)>,
    process: Mutex<Option<Child>>,
    address: Mutex<String>,
    agent: Agent,
}

impl Group {
    /// Starts the servers and so many collectors, and waits until all are ready.
    pub(crate) fn start(count: usize) -> Self {
        Self::start_with(count, &[])
    }

    /// Starts the group with these environment variables of its collectors.
    pub(crate) fn start_with(count: usize, variables: &[(&str, &str)]) -> Self {
        let (nats, folder) = (Nats::start(), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("key"), KEY).unwrap();
        let urls = nats.urls.clone();
        let mut group = Self { nodes: Vec::new(), nats: Mutex::new(nats), folder };
        for at in 0..count {
            group.nodes.push(Node::new(&group.folder.path().join(format!("data-{at}")), &urls, variables));
            group.nodes[at].start();
            group.nodes[at].until_ready();
        }
        group
    }

    /// Adds a collector without starting it.
    pub(crate) fn add(&mut self, name: &str) -> &Node {
        let urls = self.nats.lock().unwrap().urls.clone();
        let node = Node::new(&self.folder.path().join(name), &urls, &[]);
        self.nodes.push(node);
        self.nodes.last().unwrap()
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// Waits until all nodes export the same, with at least so many events, and returns the export of the events.
    pub(crate) fn until_equal(&self, min_events: usize) -> String {
        let mut events = String::new();
        until("all nodes export the same", || {
            let all: Option<Vec<_>> = self.nodes.iter().map(Node::exports).collect();
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

impl Node {
    /// A collector that is not started; without a group if there are no `urls`.
    pub(crate) fn new(data: &Path, urls: &str, variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(20)));
        let agent = config.build().into();
        Self { data: data.to_owned(), urls: urls.to_owned(), variables, process: Mutex::default(), address: Mutex::default(), agent }
    }

    /// Starts the collector.
    pub(crate) fn start(&self) {
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", &self.urls, "--rate-per-address", "0"]).arg("--data").arg(&self.data);
        command.env("TILLROLL_GROUP_KEY", KEY).envs(self.variables.iter().cloned()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split_whitespace().last().unwrap_or_else(|| panic!("the collector did not start")).to_owned();
        *self.address.lock().unwrap() = address;
        *self.process.lock().unwrap() = Some(child);
    }

    /// Kills the collector.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.process.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Sends a signal to the collector.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let process = self.process.lock().unwrap();
        let pid = rustix::process::Pid::from_child(process.as_ref().unwrap());
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits until the process has ended by itself.
    pub(crate) fn until_ended(&self) {
        let child = self.process.lock().unwrap().take();
        assert!(child.unwrap().wait().unwrap().success());
    }

    pub(crate) fn address(&self) -> String {
        self.address.lock().unwrap().clone()
    }

    /// Returns status and body of a request, or None if there was no response.
    pub(crate) fn get(&self, path: &str, owner: Option<&str>) -> Option<(u16, String)> {
        let mut request = self.agent.get(format!("{}{path}", self.address()));
        if let Some(owner) = owner {
            request = request.header("authorization", basic(owner));
        }
        let mut response = request.call().ok()?;
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string().ok()?;
        Some((response.status().as_u16(), text))
    }

    /// Sends events, and returns the status, the header `Retry-After` and the response.
    pub(crate) fn send(&self, events: &[Value]) -> Option<(u16, Option<String>, Value)> {
        let body = json!({"token": project(&self.data).0, "events": events}).to_string();
        let mut response = self.agent.post(format!("{}/v2/batch", self.address())).header("content-type", "text/plain").send(body).ok()?;
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let text = response.body_mut().read_to_string().ok()?;
        Some((response.status().as_u16(), retry_after, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// Returns status and body of a response to a body that is posted with these headers, or None if there was no response.
    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Option<(u16, String)> {
        let request = self.agent.post(format!("{}{path}", self.address()));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut response = request.send(body).ok()?;
        let text = response.body_mut().read_to_string().ok()?;
        Some((response.status().as_u16(), text))
    }

    /// Deletes a customer, and returns the status.
    pub(crate) fn erase(&self, email: &str) -> Option<u16> {
        let request = self.agent.delete(format!("{}/customers/{email}", self.address()));
        Some(request.header("authorization", basic(&self.owner())).call().ok()?.status().as_u16())
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.get("/readyz", None).is_some_and(|(status, _)| status == 200)
    }

    pub(crate) fn until_ready(&self) {
        until("the collector is ready", || self.is_ready());
    }

    /// Returns the token and the secret of the project.
    pub(crate) fn owner(&self) -> String {
        let (token, secret) = project(&self.data);
        format!("{token}:{secret}")
    }

    /// Returns every export.
    fn exports(&self) -> Option<Vec<String>> {
        let owner = self.owner();
        let resources = ["events", "customers", "categories", "products", "orders", "carts", "returns"];
        let export = |name: &str| self.get(&format!("/export/{name}"), Some(&owner)).filter(|(status, _)| *status == 200);
        resources.into_iter().map(|name| export(name).map(|(_, text)| text)).collect()
    }

    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let (_, text) = self.get("/metrics", None)?;
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns the token and the current secret of the first project of a data folder.
fn project(data: &Path) -> (String, String) {
    let text = std::fs::read_to_string(data.join("projects.json")).unwrap();
    let projects: Value = serde_json::from_str(&text).unwrap();
    let secret = projects[0]["secrets"].as_array().unwrap().last().unwrap()["secret"].as_str().unwrap().to_owned();
    (projects[0]["token"].as_str().unwrap().to_owned(), secret)
}

fn basic(owner: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(owner))
}

/// Runs the program until it exits.
pub(crate) fn run_program(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

/// Polls `condition` for at most three minutes; panics with `what` if it stays false.
#[expect(clippy::disallowed_methods, reason = "the pause between two polls")]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let watch = tillroll_collector::clock::Stopwatch::start();
    while watch.elapsed() < Duration::from_secs(180) {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50)); // poll
    }
    panic!("timed out: {what}");
}
