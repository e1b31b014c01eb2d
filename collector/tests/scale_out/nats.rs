//! Three NATS servers that form a cluster.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

use tempfile::TempDir;

/// The environment variable with the path of the NATS server.
const BINARY: &str = "TILLROLL_NATS_SERVER";

const SERVERS: usize = 3;

/// The servers. Dropping them kills the processes.
pub(crate) struct Nats {
    servers: Vec<Server>,
    pub(crate) urls: String,
    _folder: TempDir,
}

struct Server {
    config: PathBuf,
    child: Option<Child>,
}

impl Nats {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clients, routes) = (free_ports(), free_ports());
        let all_routes: Vec<_> = routes.iter().map(|port| format!("nats-route://127.0.0.1:{port}")).collect();
        let server = |at: usize| {
            let store = folder.path().join(format!("store-{at}"));
            let config = folder.path().join(format!("nats-{at}.conf"));
            let text = format!(
                "server_name: n{at}\nlisten: 127.0.0.1:{}\nmax_payload: 8MB\njetstream {{ store_dir: {:?} }}\n\
                 cluster {{ name: c, listen: 127.0.0.1:{}, routes: [{}] }}\n",
                clients[at],
                store,
                routes[at],
                all_routes.join(", "),
            );
            std::fs::write(&config, text).unwrap();
            Server { config, child: None }
        };
        let urls: Vec<_> = clients.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        let mut nats = Self { servers: (0..SERVERS).map(server).collect(), urls: urls.join(","), _folder: folder };
        (0..SERVERS).for_each(|at| nats.restart(at));
        nats
    }

    /// Starts a server that was killed.
    pub(crate) fn restart(&mut self, at: usize) {
        let binary = std::env::var(BINARY).unwrap_or_else(|_| panic!("{BINARY} is not set: run `cargo xtask test --only scale-out`"));
        let server = &mut self.servers[at];
        let mut command = Command::new(binary);
        command.arg("-c").arg(&server.config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        server.child = Some(command.spawn().unwrap());
    }

    /// Kills a server.
    pub(crate) fn kill(&mut self, at: usize) {
        if let Some(mut child) = self.servers[at].child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Returns which server leads the stream.
    pub(crate) fn leader(&self, stream: &str) -> Option<usize> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let urls: Vec<async_nats::ServerAddr> = self.urls.split(',').map(|url| url.parse().unwrap()).collect();
        let name = runtime.block_on(async {
            let client = async_nats::connect(urls).await.ok()?;
            let stream = async_nats::jetstream::new(client).get_stream(stream).await.ok()?;
            stream.cached_info().cluster.as_ref()?.leader.clone()
        })?;
        name.strip_prefix('n')?.parse().ok()
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        (0..SERVERS).for_each(|at| self.kill(at));
    }
}

/// Returns ports that no program uses. They are below those that the system assigns to connections, so they stay free while a server restarts.
fn free_ports() -> [u16; SERVERS] {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + u16::try_from(std::process::id() % 90).unwrap() * 100;
    std::array::from_fn(|_| {
        loop {
            let port = start + NEXT.fetch_add(1, Relaxed);
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                break port;
            }
        }
    })
}
