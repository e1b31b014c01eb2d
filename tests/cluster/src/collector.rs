//! A collector of a group, and an HTTP client of it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tillroll::Millis;
use tillroll::delivery::{REQUEST_TIMEOUT_MS, SendOutcome, classify};
use tillroll::input::SendResult;
use ureq::Agent;

use crate::{Process, free_port, within};

/// The key of the groups on this machine.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// What a collector exports.
const RESOURCES: [&str; 7] = ["events", "customers", "categories", "products", "orders", "carts", "returns"];

/// How long a collector may take to become ready, to respond, and to export everything.
const START_TIMEOUT: Duration = Duration::from_secs(120);
const READY_TIMEOUT: Duration = Duration::from_secs(1);
const STATE_TIMEOUT: Duration = Duration::from_secs(5);
const EXPORT_TIMEOUT: Duration = Duration::from_secs(120);

/// A collector. Dropping it kills it.
pub struct Collector {
    /// Its name.
    pub name: String,
    /// Its data folder.
    pub data: PathBuf,
    /// `http://HOST:PORT`, the same after each start.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// Whether a load balancer sends requests to it.
    pub is_listed: AtomicBool,
    /// Its process.
    pub process: Process,
    command: Box<dyn Fn() -> Command + Send + Sync>,
    agent: Agent,
}

/// The status and the body of a response.
pub type Response = (u16, String);

/// The result of a request with events.
#[derive(Debug, Default)]
pub struct BatchResult {
    /// The HTTP status; 0 if there was no response.
    pub status: u16,
    /// The response's `Retry-After`, in milliseconds.
    pub retry_after: Option<Millis>,
    /// The body of the response.
    pub body: String,
}

impl BatchResult {
    /// Returns what the result means to a page.
    pub fn outcome(&self) -> SendOutcome {
        classify(&SendResult { status: self.status, retry_after: self.retry_after.unwrap_or(0), body: &self.body })
    }
}

impl Collector {
    /// A collector that does not run yet: its files are below `folder`, and `variables` are its settings, with the servers of the log.
    pub fn new(program: &Path, folder: &Path, name: &str, variables: &[(&str, &str)]) -> Self {
        let (data, port) = (folder.join(name), free_port());
        let address = format!("127.0.0.1:{port}");
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_millis(REQUEST_TIMEOUT_MS)));
        let arguments = ["serve", "--listen", &address, "--rate-per-address", "0", "--data", &data.to_string_lossy()].map(str::to_owned);
        let variables: Vec<_> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let program = program.to_owned();
        Self {
            name: name.to_owned(),
            address: format!("http://{address}"),
            port,
            is_listed: AtomicBool::new(true),
            process: Process::new(folder.join(format!("{name}.log"))),
            command: Box::new(move || {
                // A process that exceeds its limit of a file's size gets an error instead of a signal: tests limit the size.
                let mut command = Command::new("sh");
                command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(&program).args(&arguments);
                command.env("TILLROLL_GROUP_KEY", KEY).envs(variables.iter().cloned());
                command
            }),
            data,
            agent: config.build().into(),
        }
    }

    /// Lets these words run the program: they come before it and its arguments.
    #[must_use]
    pub fn run_by(mut self, words: Vec<String>) -> Self {
        let inner = self.command;
        self.command = Box::new(move || {
            let (own, mut words) = (inner(), words.iter());
            let mut command = Command::new(words.next().map_or_else(|| own.get_program(), OsStr::new));
            command.args(words).arg(own.get_program()).args(own.get_args());
            command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command
        });
        self
    }

    /// The key of the group.
    pub fn group_key() -> &'static str {
        KEY
    }

    /// Starts the collector.
    pub fn start(&self) -> Result<()> {
        self.start_with(&[])
    }

    /// Starts the collector with these environment variables.
    pub fn start_with(&self, variables: &[(&str, &str)]) -> Result<()> {
        self.process.start((self.command)().envs(variables.iter().copied()))
    }

    /// Waits until the collector is ready.
    pub fn wait_until_ready(&self) -> Result<()> {
        let is_ready = within(START_TIMEOUT, || self.is_ready() || !self.process.is_running());
        ensure!(is_ready && self.process.is_running(), "{} is not ready; see {}", self.name, self.process.log().display());
        Ok(())
    }

    /// Returns whether the collector is ready.
    pub fn is_ready(&self) -> bool {
        self.get_within(READY_TIMEOUT, "/readyz", None).is_some_and(|(status, _)| status == 200)
    }

    /// Returns the response to a request, or None if there was none.
    pub fn get(&self, path: &str, owner: Option<&str>) -> Option<Response> {
        self.get_within(STATE_TIMEOUT, path, owner)
    }

    fn get_within(&self, limit: Duration, path: &str, owner: Option<&str>) -> Option<Response> {
        let mut request = self.agent.get(format!("{}{path}", self.address));
        if let Some(owner) = owner {
            request = request.header("authorization", basic(owner));
        }
        let mut response = request.config().timeout_global(Some(limit)).build().call().ok()?;
        let text = response.body_mut().with_config().limit(1 << 32).read_to_string().ok()?;
        Some((response.status().as_u16(), text))
    }

    /// Sends events as a page does: within its time-out.
    pub fn send(&self, token: &str, events: &[Value]) -> BatchResult {
        let body = json!({"token": token, "events": events}).to_string();
        let respond = || {
            let mut response =
                self.agent.post(format!("{}/v2/batch", self.address)).header("content-type", "text/plain").send(body).ok()?;
            let seconds = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse::<Millis>().ok());
            let status = response.status().as_u16();
            let body = response.body_mut().read_to_string().ok()?;
            Some(BatchResult { status, retry_after: seconds.map(|seconds| seconds * 1_000), body })
        };
        respond().unwrap_or_default()
    }

    /// Returns the response to a body that is posted with these headers, or None if there was none.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Option<Response> {
        let request = self.agent.post(format!("{}{path}", self.address));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut response = request.send(body).ok()?;
        let text = response.body_mut().read_to_string().ok()?;
        Some((response.status().as_u16(), text))
    }

    /// Deletes a customer, and returns the status.
    pub fn erase(&self, email: &str) -> Option<u16> {
        let request = self.agent.delete(format!("{}/customers/{email}", self.address));
        Some(request.header("authorization", basic(&self.owner().ok()?)).call().ok()?.status().as_u16())
    }

    /// Returns the token and the secret of the project.
    pub fn owner(&self) -> Result<String> {
        let (token, secret) = self.project()?;
        Ok(format!("{token}:{secret}"))
    }

    /// Returns the token of the project.
    pub fn token(&self) -> Result<String> {
        Ok(self.project()?.0)
    }

    fn project(&self) -> Result<(String, String)> {
        let file = self.data.join("projects.json");
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let projects: Value = serde_json::from_str(&text)?;
        let text = |value: &Value| value.as_str().map(str::to_owned).with_context(|| format!("{} has no project", file.display()));
        let secrets = projects[0]["secrets"].as_array().and_then(|secrets| secrets.last());
        Ok((text(&projects[0]["token"])?, text(&secrets.unwrap_or(&Value::Null)["secret"])?))
    }

    /// Returns every export, events first, or None if one failed.
    pub fn exports(&self) -> Option<Vec<String>> {
        let owner = self.owner().ok()?;
        let export =
            |name: &str| self.get_within(EXPORT_TIMEOUT, &format!("/export/{name}"), Some(&owner)).filter(|(status, _)| *status == 200);
        RESOURCES.into_iter().map(|name| export(name).map(|(_, text)| text)).collect()
    }

    /// Returns a metric, or None if the collector does not respond.
    pub fn metric(&self, name: &str) -> Option<f64> {
        metric_in(&self.get("/metrics", None)?.1, name)
    }

    /// Lets the load balancer send requests to this collector, or not.
    pub fn set_listed(&self, is_listed: bool) {
        self.is_listed.store(is_listed, Relaxed);
    }
}

/// Returns a metric in the text of `/metrics`.
pub fn metric_in(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

fn basic(owner: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(owner))
}
