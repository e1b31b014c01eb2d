//! `tillroll tail`: the stream of the live view in the terminal.
//!
//! It prints whole lines only. It ends with success on Ctrl-C and when the reader of its output is gone. After a lost connection it
//! continues where it was, as a browser does.

mod closed_output;
mod filter;
pub(super) mod stream;
mod text;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::Value;
use tillroll_protocol::event_types;

use crate::cli::server::{ServerClient, ServerFlags};
use crate::cli::stop_signal;
use filter::{Filter, Kind};
use stream::{Failure, Message};

/// The server sends a keep-alive every 15 seconds. A connection that is silent for this time is lost.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(45);

/// The delay before a lost connection is opened again, and its limit after repeated failures.
const MIN_RECONNECT_DELAY: Duration = Duration::from_secs(1);
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(15);

/// The flags of `tillroll tail`.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// The server.
    #[command(flatten)]
    pub server: ServerFlags,

    /// Print only events of these types
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub types: Vec<String>,

    /// Print only events of these visitors, by visitor id or e-mail address
    #[arg(long = "visitor", value_name = "ID|EMAIL", value_delimiter = ',')]
    pub visitors: Vec<String>,

    /// Print only stored or only rejected events
    #[arg(long, value_name = "KIND")]
    pub only: Option<Kind>,

    /// First print the matches among this number of the newest stored events
    #[arg(long, default_value_t = 0, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub last: u16,

    /// Format of a line; text on a terminal, json elsewhere
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<TailFormat>,
}

/// The format of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TailFormat {
    /// Time, type, visitor and parameters, in colours on a terminal.
    Text,
    /// The JSON of the live stream.
    Json,
}

/// Runs the command.
pub fn run(flags: &Flags) -> anyhow::Result<()> {
    let server = ServerClient::new(&flags.server)?;
    for name in flags.types.iter().filter(|name| event_types::find(name).is_none()) {
        eprintln!("No event is stored with the type {name}. A rejected one may have it.");
    }
    // Connections have threads of their own, which the runtime does not wait for.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        let stop = stop_signal::received()?;
        // Output is written between two awaits, so neither end cuts a line.
        tokio::select! {
            result = follow(&server, flags) => result,
            () = stop => Ok(()),
            () = closed_output::closed() => Ok(()),
        }
    })
}

/// Prints the stream until the output is closed. Returns an error if the first connection fails, or a later one in a way that will not pass.
async fn follow(server: &ServerClient, flags: &Flags) -> anyhow::Result<()> {
    let filter = Filter::new(flags);
    let mut output = Output::new(flags.format);
    let (mut is_connected, mut delay) = (false, MIN_RECONNECT_DELAY);
    let mut start = stream::Start::Last(flags.last);
    loop {
        let mut messages = stream::open(server.clone(), start.clone());
        let failure = loop {
            match tokio::time::timeout(SILENCE_TIMEOUT, messages.recv()).await {
                Ok(Some(Ok(message))) => {
                    is_connected = true;
                    delay = MIN_RECONNECT_DELAY;
                    if !output.print(&filter, &message)? {
                        return Ok(());
                    }
                    if let Message::Event { cursor: Some(cursor), .. } = message {
                        start = stream::Start::After(cursor);
                    }
                }
                Ok(Some(Err(failure))) => break failure,
                Ok(None) => break Failure::Lost(anyhow::anyhow!("the server closed it")),
                Err(_) => break Failure::Lost(anyhow::anyhow!("it was silent for too long")),
            }
        };
        match failure {
            Failure::Lost(error) if is_connected => eprintln!("Connection lost: {error:#}. Connecting again."),
            Failure::Lost(error) | Failure::Refused(error) => return Err(error),
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(MAX_RECONNECT_DELAY);
    }
}

struct Output {
    out: anstream::AutoStream<io::Stdout>,
    format: TailFormat,
}

impl Output {
    fn new(format: Option<TailFormat>) -> Self {
        let stdout = io::stdout();
        let format = format.unwrap_or(if stdout.is_terminal() { TailFormat::Text } else { TailFormat::Json });
        Self { out: anstream::AutoStream::auto(stdout), format }
    }

    /// Prints a message that the filter passes, at once. Returns whether the output is still open.
    fn print(&mut self, filter: &Filter, message: &Message) -> anyhow::Result<bool> {
        let Message::Event { kind, json, .. } = message else { return Ok(true) };
        let event: Value = serde_json::from_str(json).context("the server sent an event that is not JSON")?;
        if !filter.passes(*kind, &event) {
            return Ok(true);
        }
        let mut text = match self.format {
            TailFormat::Text => text::render(*kind, &event),
            TailFormat::Json => text::without_controls(json),
        };
        text.push('\n');
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error).context("cannot write to standard output"),
        }
    }
}
