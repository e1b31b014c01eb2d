//! Three NATS servers that form a cluster, configured as `docs/scale-out.md` describes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use ureq::Agent;

use crate::{Network, Process, free_port};

/// How many servers there are.
pub const SERVERS: usize = 3;

/// How long a server may take to respond with its state.
const STATE_TIMEOUT: Duration = Duration::from_secs(1);

/// An address at which no server listens. The servers report it to each other, so they connect only to the ports that lead through the network.
const NO_ADDRESS: &str = "127.0.0.1:9";

/// What a test adds to the settings of each server.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerSettings<'a> {
    /// Blocks of their own.
    pub server: &'a str,
    /// Lines of the block `cluster`.
    pub cluster: &'a str,
    /// The longest message; without it, what the document recommends.
    pub max_payload: Option<&'a str>,
}

/// The longest message that `docs/scale-out.md` recommends.
const MAX_PAYLOAD: &str = "8MB";

/// The servers. Dropping them kills the processes.
pub struct Nats {
    /// Each server.
    pub servers: Vec<NatsServer>,
    agent: Agent,
}

/// A server.
pub struct NatsServer {
    /// Its name.
    pub name: String,
    /// The port for clients.
    pub port: u16,
    /// The port that reports its state.
    monitor: u16,
    program: PathBuf,
    config: PathBuf,
    /// Its process.
    pub process: Process,
}

impl Nats {
    /// Starts the servers with the program `program`. Their files are below `folder`.
    pub fn start(program: &Path, folder: &Path, network: &Network) -> Result<Self> {
        Self::start_with(program, folder, network, ServerSettings::default())
    }

    /// Starts the servers with further settings.
    pub fn start_with(program: &Path, folder: &Path, network: &Network, settings: ServerSettings<'_>) -> Result<Self> {
        let ServerSettings { server: more, cluster: more_of_cluster, max_payload } = settings;
        let max_payload = max_payload.unwrap_or(MAX_PAYLOAD);
        let routes: [u16; SERVERS] = std::array::from_fn(|_| free_port());
        let server = |at: usize| {
            let name = format!("nats-{at}");
            let mut peers = Vec::new();
            for (peer, port) in routes.iter().enumerate().filter(|(peer, _)| *peer != at) {
                peers.push(format!("nats-route://127.0.0.1:{}", network.port(&name, &format!("nats-{peer}"), *port)?));
            }
            let (port, monitor, config) = (free_port(), free_port(), folder.join(format!("{name}.conf")));
            let store = folder.join(format!("{name}-store"));
            let (route, peers) = (routes[at], peers.join(", "));
            let text = format!(
                "server_name: {name}\nlisten: 127.0.0.1:{port}\nhttp: 127.0.0.1:{monitor}\nmax_payload: {max_payload}\n\
                 jetstream {{ store_dir: {store:?}, sync_interval: always }}\n\
                 cluster {{ name: shop, listen: 127.0.0.1:{route}, routes: [{peers}], advertise: \"{NO_ADDRESS}\", no_advertise: true\n\
                 {more_of_cluster} }}\n{more}\n"
            );
            std::fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
            let process = Process::new(folder.join(format!("{name}.log")));
            let server = NatsServer { name, port, monitor, program: program.to_owned(), config, process };
            server.start().map(|()| server)
        };
        let servers = (0..SERVERS).map(server).collect::<Result<_>>()?;
        let agent = Agent::config_builder().timeout_global(Some(STATE_TIMEOUT)).build().into();
        Ok(Self { servers, agent })
    }

    /// Returns the addresses for a client with this name.
    pub fn urls(&self, client: &str, network: &Network) -> Result<String> {
        let url = |server: &NatsServer| Ok(format!("nats://127.0.0.1:{}", network.port(client, &server.name, server.port)?));
        Ok(self.servers.iter().map(url).collect::<Result<Vec<_>>>()?.join(","))
    }

    /// Returns which server leads a stream, or None if there is no leader or no server responds.
    pub fn leader(&self, stream: &str) -> Option<usize> {
        let name = self.servers.iter().find_map(|server| self.leader_in(server, stream))?;
        self.servers.iter().position(|server| server.name == name)
    }

    fn leader_in(&self, server: &NatsServer, stream: &str) -> Option<String> {
        let url = format!("http://127.0.0.1:{}/jsz?accounts=true&streams=true", server.monitor);
        let text = self.agent.get(url).call().ok()?.body_mut().read_to_string().ok()?;
        let state: Value = serde_json::from_str(&text).ok()?;
        let accounts = state["account_details"].as_array()?;
        let streams = accounts.iter().filter_map(|account| account["stream_detail"].as_array()).flatten();
        let found = streams.into_iter().find(|found| found["name"] == stream)?;
        found["cluster"]["leader"].as_str().filter(|leader| !leader.is_empty()).map(str::to_owned)
    }
}

impl NatsServer {
    /// Starts the server, also after it was killed.
    pub fn start(&self) -> Result<()> {
        self.process.start(Command::new(&self.program).arg("-c").arg(&self.config))
    }
}
