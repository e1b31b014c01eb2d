//! The connections between the members of a group, which can be cut: each member reaches another through a port of its own.
//!
//! A cut holds back what is sent, in both directions, and delivers it later, as a network does that repeats lost packets. No connection ends
//! by a cut itself.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use anyhow::Result;

/// The connections. Without links, members are reached directly.
pub struct Network {
    links: Option<Mutex<Vec<Link>>>,
}

/// A port that leads from one member to another.
struct Link {
    ends: [String; 2],
    gate: Arc<Gate>,
}

impl Network {
    /// A network that cannot be cut.
    pub fn direct() -> Self {
        Self { links: None }
    }

    /// A network that can be cut between any two members.
    pub fn with_links() -> Self {
        Self { links: Some(Mutex::default()) }
    }

    /// Returns the port under which `from` reaches the port of `to`.
    pub fn port(&self, from: &str, to: &str, port: u16) -> Result<u16> {
        let Some(links) = &self.links else { return Ok(port) };
        let gate = Arc::new(Gate::default());
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let own = listener.local_addr()?.port();
        let link = Link { ends: [from.to_owned(), to.to_owned()], gate: Arc::clone(&gate) };
        std::thread::spawn(move || accept(&listener, port, &gate));
        links.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        Ok(own)
    }

    /// Cuts the connections between two members, or makes them whole.
    pub fn set_cut(&self, first: &str, second: &str, is_cut: bool) {
        let Some(links) = &self.links else { return };
        for link in links.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if link.ends == [first, second] || link.ends == [second, first] {
                link.gate.set(is_cut);
            }
        }
    }
}

/// Holds back what is sent while it is closed.
#[derive(Default)]
struct Gate {
    is_closed: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn set(&self, is_closed: bool) {
        *self.is_closed.lock().unwrap_or_else(PoisonError::into_inner) = is_closed;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let closed = self.is_closed.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(closed, |is_closed| *is_closed));
    }
}

/// Connects each client to `port`.
fn accept(listener: &TcpListener, port: u16, gate: &Arc<Gate>) {
    for client in listener.incoming().flatten() {
        let gate = Arc::clone(gate);
        std::thread::spawn(move || {
            gate.pass();
            if let Ok(server) = TcpStream::connect(("127.0.0.1", port)) {
                connect(client, server, &gate);
            }
        });
    }
}

/// Starts a load balancer, which passes each connection to the next of these ports that accepts it. Returns its own port.
pub fn balance(ports: Vec<u16>) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let own = listener.local_addr()?.port();
    std::thread::spawn(move || {
        let mut next = ports.iter().cycle();
        for client in listener.incoming().flatten() {
            let server = next.by_ref().take(ports.len()).find_map(|port| TcpStream::connect(("127.0.0.1", *port)).ok());
            if let Some(server) = server {
                std::thread::spawn(move || connect(client, server, &Arc::default()));
            }
        }
    });
    Ok(own)
}

/// Copies in both directions until one end closes.
fn connect(client: TcpStream, server: TcpStream, gate: &Arc<Gate>) {
    let (Ok(to_server), Ok(to_client)) = (server.try_clone(), client.try_clone()) else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let responses = Arc::clone(gate);
    std::thread::spawn(move || copy(server, to_client, &responses));
    copy(client, to_server, gate);
}

/// Copies until one of both ends closes, and closes the other.
fn copy(mut from: TcpStream, mut to: TcpStream, gate: &Gate) {
    let mut buffer = [0; 32 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        gate.pass();
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    gate.pass();
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
