//! The connection to the servers of the log: how it is made from the flags, and why there is none.
//!
//! The client connects again and again by itself, and reports only that it failed. The reason is in what it keeps about each server.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event, Server, ServerAddr, ServerError};
use percent_encoding::percent_decode_str;

use super::error::LogError;
use super::flags::LogFlags;

/// How long one request to the servers may take.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// The time between two pings of a connection: a server that stopped is noticed after two of them.
const PING_INTERVAL: Duration = Duration::from_secs(2);

/// The longest time between two attempts to connect.
const MAX_RECONNECT_DELAY: Duration = Duration::from_millis(500);

/// How long the first attempt to connect, to one server after the other, may take before the log shows that there is no connection.
const FIRST_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_ATTEMPT_POLL: Duration = Duration::from_millis(20);

/// The connection.
#[derive(Clone)]
pub(super) struct Connection {
    client: Client,
    problem: Arc<Mutex<Option<String>>>,
}

impl Connection {
    /// Connects in the background: the result is usable at once, and fails until a server answers.
    pub(super) async fn open(flags: &LogFlags) -> anyhow::Result<Self> {
        let problem = Arc::<Mutex<Option<String>>>::default();
        let found = Arc::clone(&problem);
        let mut options = ConnectOptions::new()
            .name("tillroll")
            .retry_on_initial_connect()
            .ping_interval(PING_INTERVAL)
            .connection_timeout(REQUEST_TIMEOUT)
            .reconnect_delay_callback(|attempts| MAX_RECONNECT_DELAY.min(Duration::from_millis(50) * u32::try_from(attempts).unwrap_or(9)))
            // It is called before each attempt, and leaves the choice of the server to the client.
            .reconnect_to_server_callback(move |servers, _| {
                *found.lock().unwrap_or_else(PoisonError::into_inner) = problem_of(&servers);
                std::future::ready(None)
            })
            .event_callback(|event| async move { report(&event) });
        let (servers, login) = servers(&flags.servers)?;
        if let Some((name, password)) = login {
            options = options.user_and_password(name, password);
        }
        check_files(flags)?;
        if let Some(file) = &flags.credentials {
            options = options.credentials_file(file).await.context("cannot use --log-credentials")?;
        }
        if let Some(file) = &flags.authorities {
            options = options.add_root_certificates(file.clone());
        }
        let client = options.connect(servers).await.context("cannot use --log")?;
        Ok(Self { client, problem })
    }

    /// Returns the client.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns an error with the reason if no server is connected.
    pub(super) fn check(&self) -> Result<(), LogError> {
        if self.client.connection_state() == State::Connected {
            return Ok(());
        }
        Err(LogError::Unavailable(self.problem().unwrap_or_else(|| "no server of --log answers".into())))
    }

    /// Waits until a server is connected or the first attempt has failed, for a limited time.
    pub(super) async fn wait_for_first_attempt(&self) {
        let ended = async {
            while self.client.connection_state() != State::Connected && self.problem().is_none() {
                tokio::time::sleep(FIRST_ATTEMPT_POLL).await;
            }
        };
        let _ = tokio::time::timeout(FIRST_ATTEMPT_TIMEOUT, ended).await;
    }

    /// Returns why no server was connected by the last attempt, once an attempt has failed at all servers.
    fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A name and a password.
type Login = (String, String);

/// Returns an error if an address of a server is invalid.
pub(crate) fn check_servers(addresses: &[String]) -> anyhow::Result<()> {
    servers(addresses).map(|_| ())
}

/// Returns the addresses of the servers without names and passwords, and the name and password if one of them has any.
fn servers(addresses: &[String]) -> anyhow::Result<(Vec<ServerAddr>, Option<Login>)> {
    let mut login = None;
    let mut servers = Vec::new();
    for address in addresses.iter().map(|address| address.trim()).filter(|address| !address.is_empty()) {
        // The message does not quote the address, because it may contain a password.
        let mut url =
            address.parse::<ServerAddr>().with_context(|| format!("address {} of --log is invalid", servers.len() + 1))?.into_inner();
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        if let Some(password) = url.password() {
            login.get_or_insert((decode(url.username()), decode(password)));
        } else if !url.username().is_empty() {
            bail!("address {} of --log has a name without a password; write NAME:PASSWORD@HOST:PORT", servers.len() + 1);
        }
        let _ = (url.set_username(""), url.set_password(None));
        ensure!(url.has_host() && url.host_str() != Some(""), "address {} of --log has no host; write nats://HOST:PORT", servers.len() + 1);
        servers.push(ServerAddr::from_url(url)?);
    }
    ensure!(!servers.is_empty(), "--log (TILLROLL_LOG) names no server; write nats://HOST:PORT, or leave out the setting");
    Ok((servers, login))
}

/// Returns an error if a file that the flags name cannot be used.
pub(crate) fn check_files(flags: &LogFlags) -> anyhow::Result<()> {
    let read = |flag: &str, file: &Path| std::fs::read_to_string(file).with_context(|| format!("cannot read {flag} {}", file.display()));
    if let Some(file) = &flags.credentials {
        read("--log-credentials", file)?;
    }
    if let Some(file) = &flags.authorities {
        let text = read("--log-ca", file)?;
        ensure!(text.contains("BEGIN CERTIFICATE"), "--log-ca {} contains no certificate in PEM format", file.display());
    }
    Ok(())
}

/// Returns why no server is connected: what an operator can correct comes first.
fn problem_of(servers: &[Server]) -> Option<String> {
    let failed = servers.iter().filter_map(|server| Some((server, server.last_error.as_deref()?)));
    let (server, error) = failed.min_by_key(|(_, error)| remedy(error).is_none())?;
    let address = format!("{}:{}", server.addr.host(), server.addr.port());
    Some(match remedy(error) {
        Some(remedy) => format!("the NATS server {address} is not usable: {error}; {remedy}"),
        None => format!("no server of --log answers; {address}: {error}"),
    })
}

/// Returns what an operator must do about an error, if that is known.
fn remedy(error: &str) -> Option<&'static str> {
    let contains = |part: &str| error.to_ascii_lowercase().contains(part);
    if contains("authorization violation") || contains("authentication") {
        Some("check --log-credentials, or the name and password in --log")
    } else if contains("unknownissuer") {
        Some("name the file with the authority that signed its certificate by --log-ca")
    } else if contains("invalid peer certificate") {
        Some("its certificate must be valid now, and for the address in --log")
    } else {
        None
    }
}

fn report(event: &Event) {
    if let Event::ServerError(ServerError::Other(error)) = event
        && error.to_ascii_lowercase().contains("permissions violation")
    {
        tracing::error!(error, "the NATS server does not permit what a collector does; docs/scale-out.md lists the subjects of its user");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_password_are_taken_from_an_address() {
        let parse = |addresses: &[&str]| {
            let addresses: Vec<_> = addresses.iter().map(|&address| address.to_owned()).collect();
            let (servers, login) = servers(&addresses).map_err(|error| format!("{error:#}"))?;
            Ok::<_, String>((servers.iter().map(|server| server.as_url_str().to_owned()).collect::<Vec<_>>().join(" "), login))
        };
        let login = Some(("shop".to_owned(), "p@ss:w/rd".to_owned()));
        assert_eq!(parse(&["nats://a:1", " tls://b "]), Ok(("nats://a:1 tls://b".into(), None)));
        assert_eq!(parse(&["tls://shop:p%40ss:w%2Frd@a:1", "tls://b:2"]), Ok(("tls://a:1 tls://b:2".into(), login)));
        assert!(parse(&["a:1", "nats://shop@b:1"]).is_err_and(|error| error.contains("address 2") && error.contains("NAME:PASSWORD")));
        assert!(parse(&["nats://a", "nats://"]).is_err_and(|error| error.contains("address 2 of --log has no host")));
        assert!(parse(&["", " "]).is_err_and(|error| error.contains("TILLROLL_LOG")));
        assert!(parse(&["http://shop:secret@a"]).is_err_and(|error| error.contains("address 1") && !error.contains("secret")));
    }

    #[test]
    fn what_an_operator_can_correct_is_reported_first() {
        let server = |address: &str, error: &str| Server {
            addr: address.parse().unwrap(),
            failed_attempts: 1,
            did_connect: false,
            is_discovered: false,
            last_error: Some(error.into()),
        };
        assert_eq!(problem_of(&[]), None);
        let refused = server("a:1", "IO error: connection refused");
        assert_eq!(problem_of(std::slice::from_ref(&refused)).unwrap(), "no server of --log answers; a:1: IO error: connection refused");
        for (error, remedy) in [
            ("authorization violation: nats: authorization violation", "--log-credentials"),
            ("IO error: invalid peer certificate: UnknownIssuer", "--log-ca"),
            ("IO error: invalid peer certificate: certificate not valid for name \"b\"", "address in --log"),
        ] {
            let problem = problem_of(&[refused.clone(), server("b:2", error)]).unwrap();
            assert!(problem.contains("b:2") && problem.contains(error) && problem.contains(remedy), "{problem}");
        }
    }
}
