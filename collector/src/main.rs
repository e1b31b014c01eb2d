//! The program `tillroll`: parses the command line and runs the command.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::CommandFactory;
use tillroll_collector::cli::{self, Cli, Command, Invocation};
use tillroll_collector::clock::Clock;
use tillroll_collector::config::{LogFormat, LogLevel, Serve};
use tillroll_collector::http::server::{Options, Server};
use tillroll_collector::log_budget::LogBudget;
use tillroll_collector::projection;
use tracing_subscriber::filter::{FilterExt, LevelFilter, Targets};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

/// An event is read on one thread, stored on another and freed on a third. The system's allocator is slow at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long threads may take to release the store after the server has stopped.
const THREAD_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// The project of an ephemeral collector. It is the same everywhere, so that tests can contain it.
const EPHEMERAL_PROJECT: &str = "test:test-secret";

fn main() -> ExitCode {
    // Stores, exports and temporary files contain personal data, also those that libraries create.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    match cli::parse().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tillroll: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(invocation: Invocation) -> anyhow::Result<()> {
    let cli = match invocation {
        Invocation::Run(cli) => cli,
        Invocation::Report(report) => {
            print_line(&report);
            return Ok(());
        }
    };
    match cli.command {
        Command::Serve(flags) => {
            init_log(flags.log_format, flags.log_level);
            if flags.ephemeral { serve_ephemeral(*flags) } else { serve(&flags) }
        }
        Command::Export(flags) => cli::export::run(&flags),
        Command::Import(flags) => cli::import::run(&flags, Clock::SYSTEM),
        Command::Backup(flags) => cli::backup::run(&flags, Clock::SYSTEM),
        Command::Restore(flags) => cli::restore::run(&flags),
        Command::Keys(keys) => {
            print_line(&keys.run(Clock::SYSTEM)?);
            Ok(())
        }
        Command::Config(config) => {
            print_line(&config.run(&Cli::command()));
            Ok(())
        }
        Command::Completions(flags) => print_bytes(&cli::shell::completions(Cli::command(), &flags)),
        Command::Man => print_bytes(&cli::shell::manual(Cli::command())?),
        Command::Join(flags) => cli::join::run(&flags),
        Command::Leave(folder) => cli::join::leave(&folder),
        Command::Tail(flags) => cli::tail::run(&flags),
        Command::Doctor(flags) => cli::doctor::run(&flags, Clock::SYSTEM),
        Command::Projects(projects) => {
            print_line(projects.run(Clock::SYSTEM)?.trim_end());
            Ok(())
        }
    }
}

/// Prints to standard output. A closed pipe is not an error.
fn print_line(text: &str) {
    let mut out = std::io::stdout();
    let _ = if text.is_empty() { Ok(()) } else { writeln!(out, "{text}").and_then(|()| out.flush()) };
}

/// Writes to standard output. A closed pipe is not an error.
fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    match std::io::stdout().write_all(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("cannot write to standard output"),
        _ => Ok(()),
    }
}

fn init_log(format: LogFormat, level: LogLevel) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    // Libraries could log what clients sent, so only our own messages are enabled.
    let ours = Targets::new()
        .with_target("tillroll", level)
        .with_target("tillroll_collector", level)
        .with_default(LevelFilter::OFF)
        .and(LogBudget);
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => registry().with(log.with_ansi(std::io::stderr().is_terminal()).with_filter(ours)).init(),
        LogFormat::Json => registry().with(log.json().flatten_event(true).with_filter(ours)).init(),
    }
}

/// Serves from a temporary folder, which is deleted when the server has stopped.
fn serve_ephemeral(mut flags: Serve) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("tillroll-ephemeral-").tempdir().context("cannot create a temporary data folder")?;
    flags.data = folder.path().into();
    if flags.projects.is_empty() && flags.project_file.is_none() {
        flags.projects.push(EPHEMERAL_PROJECT.into());
    }
    serve(&flags)
}

fn serve(flags: &Serve) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the server failed")?;
    let result = runtime.block_on(async {
        let server = Server::open(flags, Options::default(), Clock::SYSTEM).await?;
        let stop = cli::stop_signal::received()?;
        announce(&server)?;
        server.run(stop).await
    });
    // Dropping the runtime drops the last users of the store, which then stores what is still queued.
    runtime.shutdown_timeout(THREAD_SHUTDOWN_TIMEOUT);
    projection::renew_after_stop(&flags.data);
    result
}

/// Prints the address. Standard output has only this line, which scripts wait for; everything else goes to standard error.
fn announce(server: &Server) -> anyhow::Result<()> {
    if !server.has_library() {
        tracing::warn!("{}", tillroll_collector::Error::NoLibrary);
    }
    if let Some(address) = server.redirect_address() {
        tracing::info!(%address, "redirecting to HTTPS");
    }
    print_line(&format!("tillroll listens on {}", server.url()?));
    Ok(())
}
