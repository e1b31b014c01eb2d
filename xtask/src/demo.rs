//! `cargo xtask demo`: from a fresh clone to a shop whose every click is a stored event.
//!
//! Builds, starts the collector as a child and stays in front of it: a signal to this program stops the child, which finishes what it has
//! taken, and its exit code is ours.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::context::Context;
use crate::error::Error;
use crate::history::{self, Sender};
use crate::{build, clock, files, process, setup, step};

const TOKEN: &str = "demo";

/// Where the demo listens and keeps its data.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The address to serve at
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7070")]
    listen: String,
    /// Where events and the secret are kept [default: target/demo-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Bring a year of a shop's past too: orders, carts and returns to look at under /reports
    #[arg(long)]
    history: bool,
}

/// Runs until a signal comes or the collector stops by itself.
pub(crate) fn run(context: &mut Context, options: &Options) -> Result<ExitCode, Error> {
    step::run(context, &[setup::BUILD, build::PAGE, build::BINARY])?;
    let data = options.data.clone().unwrap_or_else(|| context.path("target/demo-data"));
    let secret = secret(&data.join("demo-secret"))?;
    let mut command = Command::new(context.binary());
    command
        .args(["serve", "--demo", "--listen", &options.listen, "--data"])
        .arg(&data)
        .args(["--project", &format!("{TOKEN}:{secret}")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]);
    let child = command.spawn().map_err(|source| process::not_started(&command, source))?;
    if let Ok(signals) = signals {
        forward(signals, &child);
    }
    watch(child, &secret, options.history.then_some(&data))
}

/// The secret of the demo's project: made once, so that yesterday's data stays readable.
fn secret(file: &Path) -> Result<String, Error> {
    if let Ok(kept) = std::fs::read_to_string(file) {
        return Ok(kept.trim().to_owned());
    }
    let failed = |source| Error::File { doing: "read", path: "/dev/urandom".into(), source };
    let secret = clock::secret().map_err(failed)?;
    files::write_private(file, secret.as_bytes())?;
    Ok(secret)
}

/// Passes a request to stop on to the collector. After Ctrl-C the terminal has told it already; being told twice does no harm, and a signal
/// sent to us alone must not leave it running.
fn forward(mut signals: Signals, child: &Child) {
    let Ok(child) = i32::try_from(child.id()).map(Pid::from_raw) else {
        return;
    };
    std::thread::spawn(move || {
        for _ in signals.forever() {
            // An error means that it is gone, which is what was wanted.
            let _ = kill(child, Signal::SIGTERM);
        }
    });
}

/// Shows the way once the collector is ready, then passes its words on until it ends.
fn watch(mut child: Child, secret: &str, history: Option<&PathBuf>) -> Result<ExitCode, Error> {
    let mut lines = child.stdout.take().map(|out| BufReader::new(out).lines()).into_iter().flatten();
    let ready = lines.next().and_then(Result::ok);
    if let Some(line) = &ready {
        if let Some(data) = history {
            bring(&address(line), secret, data);
        }
        println!("{}", welcome(&address(line), secret));
        lines.map_while(Result::ok).for_each(|line| println!("{line}"));
    }
    let ended = child.wait().map_err(|source| Error::File { doing: "wait for", path: "target/release/tillroll".into(), source })?;
    match (ready, ended.code()) {
        (None, code) if code != Some(0) => Err(Error::NotReady(ended)),
        (_, code) => Ok(ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))),
    }
}

/// Without its past the shop works all the same. What is missing comes with the next start.
fn bring(address: &str, secret: &str, data: &Path) {
    println!();
    match history::bring(&Sender::new(address, TOKEN, secret), data) {
        Ok(0) => println!("  history: present"),
        Ok(_) => {}
        Err(error) => eprintln!("\nerror[{}]: {error}", error.code()),
    }
}

/// The address in the collector's ready line.
pub(crate) fn address(line: &str) -> String {
    let found = line.split_whitespace().find(|word| word.starts_with("http://") || word.starts_with("https://"));
    found.unwrap_or(line).trim_end_matches(['/', '.', ',']).to_owned()
}

fn welcome(address: &str, secret: &str) -> String {
    format!(
        "
  The demo shop     {address}/
  Events, live      {address}/live
  Reports           {address}/reports
  Every event       curl -u {TOKEN}:{secret} {address}/export/events

  project token     {TOKEN}
  project secret    {secret}

  Click through the shop with the live view beside it; README.md tells what happens underneath.
  Ctrl-C stops it. What was stored stays, also for the next start.
"
    )
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn the_address_is_found_in_whatever_sentence_the_collector_prints() {
        for line in ["tillroll listens on http://127.0.0.1:7070", "http://127.0.0.1:7070/", "ready: http://127.0.0.1:7070. Enjoy"] {
            assert_eq!(address(line), "http://127.0.0.1:7070", "{line}");
        }
        assert_eq!(address("127.0.0.1:7070"), "127.0.0.1:7070");
    }
}
