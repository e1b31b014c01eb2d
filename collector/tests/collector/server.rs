//! Shared by all tests: a server in this process (`TestServer`) or in its own process (`ServerProcess`), and an HTTP client for both.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tempfile::TempDir;
use tillroll_collector::AppState;
use tillroll_collector::cli::{Cli, Command as Subcommand};
use tillroll_collector::clock::{Clock, Stopwatch};
use tillroll_collector::config::Serve;
use tillroll_collector::http::server::{self, Server};
use tillroll_collector::store::{FILE, Options};
use tokio::sync::oneshot;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// An HTTP client of one server. It returns every response, whatever its status; the methods panic if the request fails.
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

    /// A client of an HTTPS server that trusts only this certificate (PEM).
    pub(crate) fn trusting(address: &str, certificate: &str) -> Self {
        let certificate = Certificate::from_pem(certificate.as_bytes()).unwrap();
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[certificate])).build();
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
        Self { agent: config.tls_config(tls).max_redirects(0).build().into(), address: address.to_owned() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
        let request = headers.iter().fold(self.agent.get(self.url(path)), |request, (name, value)| request.header(*name, *value));
        request.call().unwrap()
    }

    pub(crate) fn delete(&self, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
        let request = headers.iter().fold(self.agent.delete(self.url(path)), |request, (name, value)| request.header(*name, *value));
        request.call().unwrap()
    }

    pub(crate) fn delete_with(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Body> {
        let request = headers.iter().fold(self.agent.delete(self.url(path)), |request, (name, value)| request.header(*name, *value));
        request.force_send_body().send(body).unwrap()
    }

    /// Returns an error instead of panicking, for requests that may fail.
    pub(crate) fn try_post(&self, path: &str, body: &str) -> Result<Response<Body>, ureq::Error> {
        self.agent.post(self.url(path)).header("content-type", "text/plain").send(body)
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Response<Body> {
        self.try_post(path, body).unwrap()
    }

    pub(crate) fn try_post_with(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Response<Body>, ureq::Error> {
        let request = headers.iter().fold(self.agent.post(self.url(path)), |request, (name, value)| request.header(*name, *value));
        request.send(body)
    }

    pub(crate) fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Body> {
        self.try_post_with(path, headers, body).unwrap()
    }

    pub(crate) fn send(&self, events: &[Value]) -> Response<Body> {
        self.post("/v2/batch", &json!({"token": "t", "events": events}).to_string())
    }

    /// Sends events that must all be valid. Returns how many the server accepted, and how many were duplicates.
    pub(crate) fn store(&self, events: &[Value]) -> (u64, u64) {
        let mut response = self.send(events);
        let body = read_json(&mut response);
        assert_eq!(body["rejected"], json!([]), "{body}");
        (body["accepted"].as_u64().unwrap(), body["duplicates"].as_u64().unwrap())
    }

    /// Stores events as a page does whose clock shows `sent_at`, so that the time until then becomes the time until now.
    pub(crate) fn store_as_sent_at(&self, sent_at: u64, events: &[Value]) {
        let mut response = self.post("/v2/batch", &json!({"token": "t", "sentAt": sent_at, "events": events}).to_string());
        assert_eq!(read_json(&mut response)["accepted"], json!(events.len()));
    }

    /// Returns the exported events of the project `t`.
    pub(crate) fn export(&self, query: &str) -> Vec<Value> {
        self.export_of("t", query)
    }

    pub(crate) fn export_of(&self, token: &str, query: &str) -> Vec<Value> {
        self.list_of(token, "secret", &format!("events{query}"))
    }

    /// Returns the value of a metric of `/metrics`; 0 if it is missing.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics", &[]).body_mut().read_to_string().unwrap();
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }

    /// Returns the records of `/export/{list}`; `list` may have a query.
    pub(crate) fn list_of(&self, token: &str, secret: &str, list: &str) -> Vec<Value> {
        let mut response = self.get(&format!("/export/{list}"), &[("authorization", &basic(token, secret))]);
        assert_eq!(response.status(), 200);
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string().unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub(crate) fn read_json(response: &mut Response<Body>) -> Value {
    serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap()
}

pub(crate) fn basic(token: &str, secret: &str) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine};
    format!("Basic {}", BASE64_STANDARD.encode(format!("{token}:{secret}")))
}

/// Polls `condition` for at most a minute; panics with `what` if it stays false.
#[expect(clippy::disallowed_methods, reason = "the pause between two polls")]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10)); // poll
    }
    panic!("timed out: {what}");
}

/// The earliest time of the events of tests, in milliseconds since 1970.
pub(crate) const EPOCH: u64 = 1_600_000_000_000;

/// The clock of servers in this process: it starts at [`super::START_MS`], which is later than the events of tests, and so little that no time is
/// corrected.
pub(crate) fn clock() -> Clock {
    static RUNNING: OnceLock<Stopwatch> = OnceLock::new();
    Clock::new(|| {
        let elapsed = RUNNING.get_or_init(Stopwatch::start).elapsed();
        super::START_MS + u64::try_from(elapsed.as_millis()).unwrap()
    })
}

/// Returns an event id that ends in `number`.
pub(crate) fn id(number: u64) -> String {
    format!("01890a5d-0000-7000-8000-{number:012x}")
}

/// Returns a `product_view` event; `time` in ms after [`EPOCH`].
pub(crate) fn view(number: u64, time: u64, visitor: &str) -> Value {
    json!({"id": id(number), "type": "product_view", "api": "metrilo", "time": EPOCH + time, "visitorId": visitor, "params": {"product_id": "2"}})
}

/// Returns an `identify` event; `time` in ms after [`EPOCH`].
pub(crate) fn identify(number: u64, time: u64, visitor: &str, email: &str) -> Value {
    json!({"id": id(number), "type": "identify", "api": "metrilo", "time": EPOCH + time, "visitorId": visitor, "params": {"email": email}})
}

/// A server in a thread of this process. Dropping it stops the server.
pub(crate) struct TestServer {
    pub(crate) client: Client,
    pub(crate) collector: Arc<AppState>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    pub(crate) folder: TempDir,
}

impl TestServer {
    /// Starts a server with the project `t:secret`.
    pub(crate) fn start() -> Self {
        Self::with(&["--project", "t:secret"], Options::default())
    }

    pub(crate) fn with(flags: &[&str], options: Options) -> Self {
        Self::with_clock(flags, options, clock())
    }

    /// Starts a server with the project `t:secret` and the clock of the system, for imports of any time.
    pub(crate) fn start_today() -> Self {
        Self::with_clock(&["--project", "t:secret"], Options::default(), Clock::SYSTEM)
    }

    pub(crate) fn with_clock(flags: &[&str], options: Options, clock: Clock) -> Self {
        Self::open(flags, options.into(), clock)
    }

    /// Starts a server with everything that no flag sets.
    pub(crate) fn open(flags: &[&str], options: server::Options, clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flags = flags_of(folder.path(), flags);
        let (stop, stopped) = oneshot::channel::<()>();
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                let server = Server::open(&flags, options, clock).await.unwrap();
                sender.send((server.address().unwrap(), Arc::clone(server.state()))).unwrap();
                let stop = async { drop(stopped.await) };
                server.run(stop).await.unwrap();
            });
        });
        let (address, collector) = receiver.recv().unwrap();
        Self { client: Client::new(&format!("http://{address}")), collector, stop: Some(stop), thread: Some(thread), folder }
    }

    /// Opens the store's file with a separate connection, as another process does.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join(FILE)).unwrap()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Returns the flags of the analytics engine: none for the embedded one. The check `clickhouse` runs tests with a database of their own for each
/// data folder, on the server with this port.
fn engine_flags(folder: &Path) -> Vec<String> {
    let Ok(port) = std::env::var("TILLROLL_TEST_CLICKHOUSE") else { return Vec::new() };
    let name: String = folder.to_str().unwrap().chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    ureq::post(format!("http://127.0.0.1:{port}/")).send(format!("CREATE DATABASE IF NOT EXISTS {name}")).unwrap();
    vec!["--analytics".into(), format!("clickhouse://default@127.0.0.1:{port}/{name}")]
}

fn flags_of(folder: &Path, more: &[&str]) -> Serve {
    let data = folder.to_str().unwrap();
    let engine = engine_flags(folder);
    let more = more.iter().copied().chain(engine.iter().map(String::as_str));
    match Cli::parse_from(["tillroll", "serve", "--listen", "127.0.0.1:0", "--data", data].into_iter().chain(more)).command {
        Subcommand::Serve(flags) => *flags,
        _ => panic!("the command must be serve"),
    }
}

/// Runs the program until it exits. Returns whether it succeeded, its standard output and its standard error.
pub(crate) fn run_program(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tillroll")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// The program in its own process. Dropping it kills the process.
pub(crate) struct ServerProcess {
    pub(crate) client: Client,
    pub(crate) child: Child,
    /// The first line of standard output; it ends in the server's URL.
    pub(crate) first_line: String,
}

impl ServerProcess {
    /// Starts the server without a data folder.
    pub(crate) fn start_ephemeral(more: &[&str]) -> Self {
        let arguments: Vec<&str> = ["serve", "--ephemeral"].iter().chain(more).copied().collect();
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_tillroll")).args(arguments), Stdio::null())
    }

    pub(crate) fn start(folder: &Path, more: &[&str]) -> Self {
        Self::run(Command::new(env!("CARGO_BIN_EXE_tillroll")).arg("serve"), folder, more)
    }

    /// Starts the server with its log in the file `log`.
    pub(crate) fn start_with_log(folder: &Path, more: &[&str], log: &Path) -> Self {
        let log = std::fs::File::create(log).unwrap();
        Self::run_to(Command::new(env!("CARGO_BIN_EXE_tillroll")).arg("serve"), folder, more, log.into())
    }

    /// Runs `command`, which must end in the program's `serve`, and waits until the server prints its address.
    pub(crate) fn run(command: &mut Command, folder: &Path, more: &[&str]) -> Self {
        Self::run_to(command, folder, more, Stdio::null())
    }

    fn run_to(command: &mut Command, folder: &Path, more: &[&str], log: Stdio) -> Self {
        Self::spawn(command.arg("--data").arg(folder).args(more).args(engine_flags(folder)), log)
    }

    pub(crate) fn spawn(command: &mut Command, log: Stdio) -> Self {
        let mut child = command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut first_line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first_line).unwrap();
        let address = first_line.split_whitespace().last().unwrap_or_else(|| panic!("the program did not start")).to_owned();
        Self { client: Client::new(&address), child, first_line }
    }

    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
