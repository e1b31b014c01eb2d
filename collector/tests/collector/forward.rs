//! Forwarding to a vendor's server that fails: every event arrives, in order, and clients of the collector do not wait for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::{ServerProcess, basic, id};

/// How the vendor's server reacts to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reaction {
    Accept,
    /// Responds with this status line, and possibly headers.
    Respond(&'static str),
    CloseConnection,
}

/// A request, and the server's reaction.
struct Received {
    authorization: String,
    body: Value,
    reaction: Reaction,
}

/// The vendor's server. It reacts to its first requests as `reactions` lists, and accepts all later ones.
struct Vendor {
    url: String,
    requests: Receiver<Received>,
}

impl Vendor {
    fn open(listener: TcpListener, reactions: &'static [Reaction]) -> Self {
        let url = format!("http://{}/api/track", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::channel();
        std::thread::spawn(move || {
            let mut reactions = reactions.iter().copied();
            for connection in listener.incoming() {
                let mut connection = BufReader::new(connection.unwrap());
                while let Some((authorization, body)) = read_request(&mut connection) {
                    let reaction = reactions.next().unwrap_or(Reaction::Accept);
                    if sender.send(Received { authorization, body, reaction }).is_err() || !respond(connection.get_mut(), reaction) {
                        break;
                    }
                }
            }
        });
        Self { url, requests }
    }

    /// Returns all requests up to the first one with this id that was accepted.
    fn receive_until_accepted(&self, request_id: &str) -> Vec<Received> {
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

fn start(folder: &std::path::Path, url: &str) -> ServerProcess {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillroll"));
    command.arg("serve").env("TILLROLL_OMETRIA_CREDENTIALS", "name:secret");
    ServerProcess::run(&mut command, folder, &["--project", "t:s", "--forward-ometria", url])
}

fn event(number: u64, api: &str, kind: &str, params: Value) -> Value {
    json!({"id": id(number), "type": kind, "api": api, "time": number, "visitorId": "ab", "sessionId": "s", "params": params})
}

fn basket(number: u64) -> Value {
    event(number, "ometria", "basket_add", json!({"product_id": number.to_string(), "quantity": 1}))
}

#[test]
fn failing_server_receives_every_event_in_order() {
    const BAD_REQUEST: Reaction = Reaction::Respond("400 Bad Request");
    static REACTIONS: [Reaction; 7] = [
        Reaction::CloseConnection,
        Reaction::Respond("500 Internal Server Error"),
        Reaction::Respond("429 Too Many Requests\r\nretry-after: 1"),
        Reaction::Respond("401 Unauthorized"),
        Reaction::Accept,
        BAD_REQUEST,
        Reaction::CloseConnection,
    ];
    let folder = tempfile::tempdir().unwrap();
    // The vendor's server does not accept connections yet; the collector still stores events.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let program = start(folder.path(), &format!("http://{}/api/track", listener.local_addr().unwrap()));
    let basket_update = json!({"lines": [{"product_id": "p", "quantity": 2, "price": 1}], "total": 2, "currency": "GBP",
        "changes": [{"product_id": "p", "from": 0, "to": 2}, {"product_id": "q", "from": 3, "to": 0}]});
    program.client.store(&[
        event(1, "ometria", "page_view", json!({"url": "https://shop.example/", "page_type": "homepage"})),
        event(2, "metrilo", "basket_add", json!({"product_id": "p", "quantity": 1})),
        basket(3),
        event(4, "ometria", "basket_update", basket_update),
        event(5, "ometria", "order", json!({"order_id": "o"})),
    ]);
    let vendor = Vendor::open(listener, &REACTIONS);
    let requests = vendor.receive_until_accepted(&id(5));
    let ids_with = |reaction: Reaction| -> Vec<&str> {
        let matching = requests.iter().filter(|request| request.reaction == reaction);
        matching.map(|request| request.body["request_id"].as_str().unwrap()).collect()
    };
    let basket_update_ids = [format!("{}-0", id(4)), format!("{}-1", id(4))];
    assert_eq!(ids_with(Reaction::Accept), [&id(1), &basket_update_ids[0], &basket_update_ids[1], &id(5)]);
    assert_eq!(ids_with(BAD_REQUEST), [id(3)]);
    assert!(requests.iter().all(|request| request.authorization == basic("name", "secret")));
    let page = &requests[0].body;
    assert_eq!(page["user"], json!({"uid": "ab", "sid": "s"}));
    assert_eq!((&page["scope"], &page["context"]["page_url"]), (&json!("view"), &json!("https://shop.example/")));
    let metrics = program.client.get("/metrics", &[]).body_mut().read_to_string().unwrap();
    assert!(metrics.contains("tillroll_forwarded_total{result=\"refused\"} 1"), "{metrics}");
}

#[test]
fn forwarding_resumes_at_its_position_after_a_kill() {
    const EVENTS: u64 = 60;
    let folder = tempfile::tempdir().unwrap();
    let vendor = Vendor::open(TcpListener::bind("127.0.0.1:0").unwrap(), &[]);
    let mut program = start(folder.path(), &vendor.url);
    program.client.store(&(1..=EVENTS).map(basket).collect::<Vec<_>>());
    let mut requests = Vec::new();
    for last in [EVENTS / 3, EVENTS / 2] {
        requests.extend(vendor.receive_until_accepted(&id(last)));
        program.child.kill().unwrap();
        program.child.wait().unwrap();
        program = start(folder.path(), &vendor.url);
    }
    requests.extend(vendor.receive_until_accepted(&id(EVENTS)));
    let mut ids: Vec<_> = requests.iter().map(|request| request.body["request_id"].as_str().unwrap().to_owned()).collect();
    // Each of the two kills may repeat the request that the vendor answered last, and no other.
    assert!(ids.len() as u64 <= EVENTS + 2, "{} requests", ids.len());
    ids.dedup();
    assert_eq!(ids, (1..=EVENTS).map(id).collect::<Vec<_>>());
}

#[test]
fn events_stored_before_forwarding_is_enabled_are_not_forwarded() {
    let folder = tempfile::tempdir().unwrap();
    let before = ServerProcess::start(folder.path(), &["--project", "t:s"]);
    before.client.store(&[basket(1)]);
    drop(before);
    let vendor = Vendor::open(TcpListener::bind("127.0.0.1:0").unwrap(), &[]);
    let program = start(folder.path(), &vendor.url);
    program.client.store(&[basket(2)]);
    assert_eq!(vendor.receive_until_accepted(&id(2)).len(), 1);
}
