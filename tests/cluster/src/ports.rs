//! Ports for servers that keep theirs over a restart.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

/// How many ports a process has to choose from, and how many processes have ports of their own.
const PORTS: u16 = 400;
const PROCESSES: u16 = 30;

/// Returns a port that no program uses. It is below those that the system assigns to connections, so it stays free while a server restarts.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % u32::from(PROCESSES)).unwrap_or_default();
    loop {
        let port = 20_000 + own * PORTS + NEXT.fetch_add(1, Relaxed) % PORTS;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
