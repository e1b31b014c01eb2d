//! A connection to `GET /live/events`: server-sent events, read on a thread of its own.

use std::io::{BufRead, BufReader};

use anyhow::{Context, anyhow};
use tokio::sync::mpsc;

use super::filter::Kind;
use crate::cli::server::ServerClient;

const PATH: &str = "/live/events";

/// How many messages the connection reads ahead of the output. A slower output stops it, and the server then closes the connection.
const READ_AHEAD: usize = 256;

/// Where the stream begins.
#[derive(Clone, Debug)]
pub(in crate::cli) enum Start {
    /// With this number of the newest events.
    Last(u16),
    /// After the event with this cursor.
    After(String),
}

/// What the server sends.
pub(in crate::cli) enum Message {
    /// The connection is open.
    Alive,
    /// An event. Only stored ones have a cursor.
    Event { kind: Kind, cursor: Option<String>, json: String },
}

/// Why a connection ended.
pub(in crate::cli) enum Failure {
    /// Another attempt may succeed.
    Lost(anyhow::Error),
    /// Every attempt will fail.
    Refused(anyhow::Error),
}

/// Opens a connection. Its messages end after a failure, or when the server closes it.
pub(in crate::cli) fn open(server: ServerClient, start: Start) -> mpsc::Receiver<Result<Message, Failure>> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    std::thread::spawn(move || {
        if let Err(failure) = read(&server, &start, &sender) {
            // Without a receiver the command has ended, or it has opened another connection.
            let _ = sender.blocking_send(Err(failure));
        }
    });
    receiver
}

fn read(server: &ServerClient, start: &Start, sender: &mpsc::Sender<Result<Message, Failure>>) -> Result<(), Failure> {
    let (path, cursor) = match start {
        Start::Last(count) => (format!("{PATH}?last={count}"), None),
        Start::After(cursor) => (PATH.to_owned(), Some(("last-event-id", cursor.as_str()))),
    };
    let mut response = server.get(&path, cursor.as_slice()).map_err(Failure::Lost)?;
    let is_stream = response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    match response.status().as_u16() {
        200 if is_stream => {}
        429 | 500.. => return Err(Failure::Lost(server.unexpected(PATH, &mut response))),
        _ => return Err(Failure::Refused(server.unexpected(PATH, &mut response))),
    }
    let (mut kind, mut cursor) = (None, None);
    for text in BufReader::new(response.into_body().into_reader()).lines() {
        let text = text.context("the stream broke off").map_err(Failure::Lost)?;
        match text.split_once(": ") {
            Some(("event", "stored")) => (kind, cursor) = (Some(Kind::Stored), None),
            Some(("event", "rejected")) => (kind, cursor) = (Some(Kind::Rejected), None),
            Some(("event", _)) => kind = None,
            Some(("id", id)) => cursor = Some(id.to_owned()),
            Some(("data", json)) => {
                let message = kind.map_or(Message::Alive, |kind| Message::Event { kind, cursor: cursor.take(), json: json.to_owned() });
                send(sender, message)?;
            }
            // A comment keeps the connection alive.
            Some(("", _)) => send(sender, Message::Alive)?,
            _ => {}
        }
    }
    Ok(())
}

fn send(sender: &mpsc::Sender<Result<Message, Failure>>, message: Message) -> Result<(), Failure> {
    sender.blocking_send(Ok(message)).map_err(|_| Failure::Lost(anyhow!("the command has ended")))
}
