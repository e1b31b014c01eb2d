//! Forwarding to a vendor's server that misbehaves: everything arrives, in order, and no page waits for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::{Program, basic, id};

/// What the vendor's server does with a request that it has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Takes,
    Answers(&'static str),
    HangsUp,
}

/// A received request, and how the vendor answered it.
struct Received {
    authorization: String,
    body: Value,
    mood: Mood,
}

/// The vendor's server: `moods` for its first requests, then it takes everything.
struct Vendor {
    url: String,
    received: Receiver<Received>,
}

impl Vendor {
    fn open(listener: TcpListener, moods: &'static [Mood]) -> Self {
        let url = format!("http://{}/api/track", listener.local_addr().unwrap());
        let (sender, received) = mpsc::channel();
        std::thread::spawn(move || {
            let mut moods = moods.iter().copied();
            for connection in listener.incoming() {
                let mut connection = BufReader::new(connection.unwrap());
                while let Some((authorization, body)) = read(&mut connection) {
                    let mood = moods.next().unwrap_or(Mood::Takes);
                    if sender.send(Received { authorization, body, mood }).is_err() || !answer(connection.get_mut(), mood) {
                        break;
                    }
                }
            }
        });
        Self { url, received }
    }

    /// Returns the requests received until a request with this id was taken.
    fn until_taken(&self, request_id: &str) -> Vec<Received> {
        let mut all = Vec::new();
        loop {
            let received = self.received.recv_timeout(Duration::from_secs(60)).expect("the request came");
            let last = received.mood == Mood::Takes && received.body["request_id"] == request_id;
            all.push(received);
            if last {
                return all;
            }
        }
    }
}

fn read(connection: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
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

fn answer(connection: &mut TcpStream, mood: Mood) -> bool {
    let head = match mood {
        Mood::Takes => "200 OK",
        Mood::Answers(head) => head,
        Mood::HangsUp => return false,
    };
    write!(connection, "HTTP/1.1 {head}\r\ncontent-length: 2\r\n\r\n{{}}").is_ok()
}

fn start(folder: &std::path::Path, url: &str) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillroll"));
    command.arg("serve").env("TILLROLL_OMETRIA_CREDENTIALS", "name:secret");
    Program::run(&mut command, folder, &["--project", "t:s", "--forward-ometria", url])
}

fn event(number: u64, api: &str, kind: &str, params: Value) -> Value {
    json!({"id": id(number), "type": kind, "api": api, "time": number, "visitorId": "ab", "sessionId": "s", "params": params})
}

fn basket(number: u64) -> Value {
    event(number, "ometria", "basket_add", json!({"product_id": number.to_string(), "quantity": 1}))
}

#[test]
fn a_server_that_misbehaves_gets_everything_in_order() {
    static MOODS: [Mood; 7] = [
        Mood::HangsUp,
        Mood::Answers("500 Oops"),
        Mood::Answers("429 Slowly\r\nretry-after: 1"),
        Mood::Answers("401 Who"),
        Mood::Takes,
        Mood::Answers("400 Never"),
        Mood::HangsUp,
    ];
    let folder = tempfile::tempdir().unwrap();
    // The vendor accepts no connection yet, and the pages do not notice.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let program = start(folder.path(), &format!("http://{}/api/track", listener.local_addr().unwrap()));
    let changes = json!({"lines": [{"product_id": "p", "quantity": 2, "price": 1}], "total": 2, "currency": "GBP",
        "changes": [{"product_id": "p", "from": 0, "to": 2}, {"product_id": "q", "from": 3, "to": 0}]});
    program.client.store(&[
        event(1, "ometria", "page_view", json!({"url": "https://shop.example/", "page_type": "homepage"})),
        event(2, "metrilo", "basket_add", json!({"product_id": "p", "quantity": 1})),
        basket(3),
        event(4, "ometria", "basket_update", changes),
        event(5, "ometria", "order", json!({"order_id": "o"})),
    ]);
    let vendor = Vendor::open(listener, &MOODS);
    let received = vendor.until_taken(&id(5));
    let answered_by = |mood: fn(Mood) -> bool| -> Vec<&str> {
        received.iter().filter(|received| mood(received.mood)).map(|received| received.body["request_id"].as_str().unwrap()).collect()
    };
    let parts = [format!("{}-0", id(4)), format!("{}-1", id(4))];
    assert_eq!(answered_by(|mood| mood == Mood::Takes), [&id(1), &parts[0], &parts[1], &id(5)]);
    assert_eq!(answered_by(|mood| mood == Mood::Answers("400 Never")), [id(3)]);
    assert!(received.iter().all(|received| received.authorization == basic("name", "secret")));
    let page = &received[0].body;
    assert_eq!(page["user"], json!({"uid": "ab", "sid": "s"}));
    assert_eq!((&page["scope"], &page["context"]["page_url"]), (&json!("view"), &json!("https://shop.example/")));
    let metrics = program.client.get("/metrics", &[]).body_mut().read_to_string().unwrap();
    assert!(metrics.contains("tillroll_forwarded_total{result=\"refused\"} 1"), "{metrics}");
}

#[test]
fn forwarding_goes_on_where_a_kill_interrupted_it() {
    const EVENTS: u64 = 60;
    let folder = tempfile::tempdir().unwrap();
    let vendor = Vendor::open(TcpListener::bind("127.0.0.1:0").unwrap(), &[]);
    let mut program = start(folder.path(), &vendor.url);
    program.client.store(&(1..=EVENTS).map(basket).collect::<Vec<_>>());
    let mut numbers = Vec::new();
    for last in [EVENTS / 3, EVENTS / 2] {
        numbers.extend(vendor.until_taken(&id(last)));
        program.child.kill().unwrap();
        program.child.wait().unwrap();
        program = start(folder.path(), &vendor.url);
    }
    numbers.extend(vendor.until_taken(&id(EVENTS)));
    let mut ids: Vec<_> = numbers.iter().map(|received| received.body["request_id"].as_str().unwrap().to_owned()).collect();
    let received = ids.len();
    // A request that was answered just before a kill may be sent once more, and no other.
    ids.dedup();
    assert_eq!(ids, (1..=EVENTS).map(id).collect::<Vec<_>>());
    assert!(received as u64 <= EVENTS + 2, "{received}");
}

#[test]
fn events_before_the_start_of_forwarding_are_not_forwarded() {
    let folder = tempfile::tempdir().unwrap();
    let before = Program::start(folder.path(), &["--project", "t:s"]);
    before.client.store(&[basket(1)]);
    drop(before);
    let vendor = Vendor::open(TcpListener::bind("127.0.0.1:0").unwrap(), &[]);
    let program = start(folder.path(), &vendor.url);
    program.client.store(&[basket(2)]);
    assert_eq!(vendor.until_taken(&id(2)).len(), 1);
}
