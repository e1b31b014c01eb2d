//! `cargo xtask demo`: builds everything and serves the demo shop with the collector.
//!
//! The collector runs as a child process. A signal to this program is forwarded to it, so it can finish accepted work. Its exit code becomes
//! the exit code of this program.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::context::Context;
use crate::demo_history::{self, ImportClient};
use crate::{build, clock, files, process, setup, step};

const TOKEN: &str = "demo";

/// Options of `cargo xtask demo`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The address to serve at
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7070")]
    listen: String,
    /// The folder for events and the project's secret [default: target/demo-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Import a generated year of orders, returns and visits, visible under /reports and /customers
    #[arg(long)]
    history: bool,
}

/// Builds and serves until a signal arrives or the collector exits.
pub(crate) fn run(context: &mut Context, options: &Options) -> Result<ExitCode> {
    step::run(context, &[setup::BUILD, build::PAGE, build::COLLECTOR])?;
    let data = options.data.clone().unwrap_or_else(|| context.path("target/demo-data"));
    let secret = load_or_create_secret(&data.join("demo-secret"))?;
    let mut command = Command::new(context.collector_binary());
    command
        .args(["serve", "--demo", "--listen", &options.listen, "--data"])
        .arg(&data)
        .env("TILLROLL_PROJECTS", format!("{TOKEN}:{secret}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]);
    let collector = command.spawn().with_context(|| process::start_failure(&command))?;
    if let Ok(signals) = signals {
        forward_signals(signals, &collector);
    }
    wait_for_exit(collector, &secret, options.history.then_some(&data))
}

/// Loads the secret of the demo project. Creates it once per data folder, so that data of earlier runs stays readable.
fn load_or_create_secret(file: &Path) -> Result<String> {
    if let Ok(secret) = std::fs::read_to_string(file) {
        return Ok(secret.trim().to_owned());
    }
    let secret = clock::random_secret()?;
    files::write_private(file, secret.as_bytes())?;
    Ok(secret)
}

/// Forwards stop signals to the collector. On Ctrl-C the terminal signals both processes; a second SIGTERM is harmless. A signal to this
/// process alone must stop the collector too.
fn forward_signals(mut signals: Signals, collector: &Child) {
    let Ok(pid) = i32::try_from(collector.id()).map(Pid::from_raw) else { return };
    std::thread::spawn(move || {
        for _ in signals.forever() {
            // The only error is that the collector has exited already.
            let _ = kill(pid, Signal::SIGTERM);
        }
    });
}

/// Prints the welcome text once the collector is ready, then forwards its output until it exits.
fn wait_for_exit(mut collector: Child, secret: &str, history: Option<&PathBuf>) -> Result<ExitCode> {
    let mut lines = collector.stdout.take().map(|out| BufReader::new(out).lines()).into_iter().flatten();
    let ready_line = lines.next().and_then(Result::ok);
    if let Some(line) = &ready_line {
        let address = address_in(line);
        if let Some(data) = history {
            import_history(&address, secret, data);
        }
        println!("{}", welcome(&address, secret));
        lines.map_while(Result::ok).for_each(|line| println!("{line}"));
    }
    let status = collector.wait().context("cannot wait for the collector")?;
    if ready_line.is_none() && !status.success() {
        bail!(
            "the collector exited before it was ready ({status}), see its message above; if the port is in use, choose another with \
             --listen 127.0.0.1:7071"
        );
    }
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// Imports the history. The demo works without it, so an error is only printed; the next start imports the missing records.
fn import_history(address: &str, secret: &str, data: &Path) {
    println!();
    match demo_history::import(&ImportClient::new(address, TOKEN, secret), data) {
        Ok(0) => println!("  history: present"),
        Ok(_) => {}
        Err(error) => eprintln!("\nerror: {error:#}"),
    }
}

/// The address in the collector's ready line.
pub(crate) fn address_in(line: &str) -> String {
    let found = line.split_whitespace().find(|word| word.starts_with("http://") || word.starts_with("https://"));
    found.unwrap_or(line).trim_end_matches(['/', '.', ',']).to_owned()
}

fn welcome(address: &str, secret: &str) -> String {
    format!(
        "
  The demo shop     {address}/
  Events, live      {address}/live
  Reports           {address}/reports
  Customers         {address}/customers
  Documents         {address}/docs
  Every event       curl -u {TOKEN}:{secret} {address}/export/events

  project token     {TOKEN}
  project secret    {secret}

  Open the live view beside the shop and click through the shop; docs/delivery.md describes what happens to an event.
  Ctrl-C stops the collector. The next start uses the stored data again.
"
    )
}

#[cfg(test)]
mod tests {
    use super::address_in;

    #[test]
    fn address_is_found_anywhere_in_the_ready_line() {
        for line in ["tillroll listens on http://127.0.0.1:7070", "http://127.0.0.1:7070/", "ready: http://127.0.0.1:7070. Enjoy"] {
            assert_eq!(address_in(line), "http://127.0.0.1:7070", "{line}");
        }
        assert_eq!(address_in("127.0.0.1:7070"), "127.0.0.1:7070");
    }
}
