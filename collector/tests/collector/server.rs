//! A running server, and a client for it. The server is the whole thing in this process, or the program itself in another.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tempfile::TempDir;
use tillroll_collector::AppState;
use tillroll_collector::cli::{Cli, Command as Subcommand};
use tillroll_collector::clock::Clock;
use tillroll_collector::config::Serve;
use tillroll_collector::http::server::Server;
use tillroll_collector::store::{FILE, Options};
use tokio::sync::oneshot;
use ureq::http::Response;
use ureq::{Agent, Body};

/// What became of a request.
pub(crate) type Answer = Response<Body>;

/// Asks a server.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    address: String,
}

impl Client {
    pub(crate) fn new(address: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
        Self { agent: config.build().into(), address: address.to_owned() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = headers.iter().fold(self.agent.get(self.url(path)), |request, (name, value)| request.header(*name, *value));
        request.call().unwrap()
    }

    pub(crate) fn try_post(&self, path: &str, body: &str) -> Result<Answer, ureq::Error> {
        self.agent.post(self.url(path)).header("content-type", "text/plain").send(body)
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.try_post(path, body).unwrap()
    }

    pub(crate) fn try_post_with(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer, ureq::Error> {
        let request = headers.iter().fold(self.agent.post(self.url(path)), |request, (name, value)| request.header(*name, *value));
        request.send(body)
    }

    pub(crate) fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.try_post_with(path, headers, body).unwrap()
    }

    pub(crate) fn send(&self, events: &[Value]) -> Answer {
        self.post("/v2/batch", &json!({"token": "t", "events": events}).to_string())
    }

    /// Sends events that must all be good.
    pub(crate) fn store(&self, events: &[Value]) -> (u64, u64) {
        let mut answer = self.send(events);
        let read: Value = read_json(&mut answer);
        assert_eq!(read["rejected"], json!([]), "{read}");
        (read["accepted"].as_u64().unwrap(), read["duplicates"].as_u64().unwrap())
    }

    pub(crate) fn export(&self, query: &str) -> Vec<Value> {
        self.export_of("t", query)
    }

    pub(crate) fn export_of(&self, token: &str, query: &str) -> Vec<Value> {
        self.list_of(token, "s", &format!("events{query}"))
    }

    /// Returns what the server counts under this name.
    pub(crate) fn counted(&self, name: &str) -> f64 {
        let text = self.get("/metrics", &[]).body_mut().read_to_string().unwrap();
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }

    /// Reads one of the exports.
    pub(crate) fn list_of(&self, token: &str, secret: &str, list: &str) -> Vec<Value> {
        let mut answer = self.get(&format!("/export/{list}"), &[("authorization", &basic(token, secret))]);
        assert_eq!(answer.status(), 200);
        let text = answer.body_mut().with_config().limit(1 << 30).read_to_string().unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub(crate) fn read_json(answer: &mut Answer) -> Value {
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

pub(crate) fn basic(token: &str, secret: &str) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine};
    format!("Basic {}", BASE64_STANDARD.encode(format!("{token}:{secret}")))
}

/// Polls until a condition is true; panics with its description if it never becomes true.
#[expect(clippy::disallowed_methods, reason = "this is the pause between two looks")]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10)); // poll
    }
    panic!("waited in vain: {what}");
}

/// Returns an id that contains its number.
pub(crate) fn id(number: u64) -> String {
    format!("01890a5d-0000-7000-8000-{number:012x}")
}

/// Returns an event of an anonymous visitor.
pub(crate) fn view(number: u64, time: u64, visitor: &str) -> Value {
    json!({"id": id(number), "type": "product_view", "api": "metrilo", "time": time, "visitorId": visitor, "params": {"product_id": "2"}})
}

/// Returns the event by which a visitor gives an e-mail.
pub(crate) fn identify(number: u64, time: u64, visitor: &str, email: &str) -> Value {
    json!({"id": id(number), "type": "identify", "api": "metrilo", "time": time, "visitorId": visitor, "params": {"email": email}})
}

/// A server in this process; it stops when this is dropped.
pub(crate) struct Running {
    pub(crate) client: Client,
    pub(crate) collector: Arc<AppState>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    pub(crate) folder: TempDir,
}

impl Running {
    /// Starts a server with the project `t:s`.
    pub(crate) fn start() -> Self {
        Self::with(&["--project", "t:s"], Options::default())
    }

    pub(crate) fn with(flags: &[&str], options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flags = flags_of(folder.path(), flags);
        let (stop, stopped) = oneshot::channel::<()>();
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                let server = Server::open(&flags, options, Clock::SYSTEM).await.unwrap();
                sender.send((server.address().unwrap(), Arc::clone(server.state()))).unwrap();
                let stop = async { drop(stopped.await) };
                server.run(stop).await.unwrap();
            });
        });
        let (address, collector) = receiver.recv().unwrap();
        Self { client: Client::new(&format!("http://{address}")), collector, stop: Some(stop), thread: Some(thread), folder }
    }

    /// Opens the store's file as a stranger would.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join(FILE)).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn flags_of(folder: &Path, more: &[&str]) -> Serve {
    let data = folder.to_str().unwrap();
    match Cli::parse_from(["tillroll", "serve", "--listen", "127.0.0.1:0", "--data", data].iter().chain(more)).command {
        Subcommand::Serve(flags) => *flags,
        _ => panic!("these are the flags of serve"),
    }
}

/// The program in a process of its own; it is killed when this is dropped.
pub(crate) struct Program {
    pub(crate) client: Client,
    pub(crate) child: Child,
    pub(crate) line: String,
}

impl Program {
    pub(crate) fn start(folder: &Path, more: &[&str]) -> Self {
        Self::run(Command::new(env!("CARGO_BIN_EXE_tillroll")).arg("serve"), folder, more)
    }

    /// Starts it with its log in a file.
    pub(crate) fn logged(folder: &Path, more: &[&str], log: &Path) -> Self {
        let log = std::fs::File::create(log).unwrap();
        Self::run_to(Command::new(env!("CARGO_BIN_EXE_tillroll")).arg("serve"), folder, more, log.into())
    }

    /// Runs `command`, which must end in the program's `serve`, and waits until it prints its address.
    pub(crate) fn run(command: &mut Command, folder: &Path, more: &[&str]) -> Self {
        Self::run_to(command, folder, more, Stdio::null())
    }

    fn run_to(command: &mut Command, folder: &Path, more: &[&str], log: Stdio) -> Self {
        let command = command.args(["--listen", "127.0.0.1:0", "--data", folder.to_str().unwrap()]).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split_whitespace().last().unwrap_or_else(|| panic!("the program did not start")).to_owned();
        Self { client: Client::new(&address), child, line }
    }

    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
