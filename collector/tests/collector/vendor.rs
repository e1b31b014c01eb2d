//! The server of a vendor to which events are forwarded.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// How the server reacts to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    Accept,
    /// Responds with this status line, and possibly headers.
    Respond(&'static str),
    CloseConnection,
}

/// A request, and the server's reaction.
pub(crate) struct Received {
    pub(crate) authorization: String,
    pub(crate) body: Value,
    pub(crate) reaction: Reaction,
}

/// The server.
pub(crate) struct Vendor {
    pub(crate) url: String,
    pub(crate) requests: Receiver<Received>,
}

impl Vendor {
    /// Opens a server that reacts to its first requests as `reactions` lists, and accepts all later ones.
    pub(crate) fn open(listener: TcpListener, reactions: &'static [Reaction]) -> Self {
        let mut reactions = reactions.iter().copied();
        Self::reacting(listener, move |_| reactions.next().unwrap_or(Reaction::Accept))
    }

    /// Opens a server that reacts to the body of each request.
    pub(crate) fn reacting(listener: TcpListener, react: impl FnMut(&Value) -> Reaction + Send + 'static) -> Self {
        let url = format!("http://{}/api/track", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::channel();
        // The reaction to a request and its place among the others are decided together.
        let server = Arc::new(Mutex::new((react, sender)));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (mut connection, server) = (BufReader::new(connection.unwrap()), Arc::clone(&server));
                std::thread::spawn(move || {
                    while let Some((authorization, body)) = read_request(&mut connection) {
                        let mut server = server.lock().unwrap();
                        let reaction = server.0(&body);
                        let is_open = server.1.send(Received { authorization, body, reaction }).is_ok();
                        drop(server);
                        if !is_open || !respond(connection.get_mut(), reaction) {
                            break;
                        }
                    }
                });
            }
        });
        Self { url, requests }
    }

    /// Returns all requests up to the first one with this id that was accepted.
    pub(crate) fn receive_until_accepted(&self, request_id: &str) -> Vec<Received> {
        let mut all = Vec::new();
        loop {
            let request = self.requests.recv_timeout(Duration::from_secs(60)).expect("no request within a minute");
            let is_last = request.reaction == Reaction::Accept && request.body["request_id"] == request_id;
            all.push(request);
            if is_last {
                return all;
            }
        }
    }
}

/// Returns the `authorization` header and the JSON body of the next request; `None` at the end of the connection.
fn read_request(connection: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim().split_once(": ") else { if line.trim().is_empty() { break } else { continue } };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => authorization = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).ok()?;
    Some((authorization, serde_json::from_slice(&body).unwrap()))
}

/// Returns whether the connection stays open.
fn respond(connection: &mut TcpStream, reaction: Reaction) -> bool {
    let head = match reaction {
        Reaction::Accept => "200 OK",
        Reaction::Respond(head) => head,
        Reaction::CloseConnection => return false,
    };
    write!(connection, "HTTP/1.1 {head}\r\ncontent-length: 2\r\n\r\n{{}}").is_ok()
}
