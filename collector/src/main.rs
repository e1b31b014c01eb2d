//! The program `tillroll`: reads the command line, starts the server, and waits to be told to stop.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use tillroll_collector::Error;
use tillroll_collector::cli;
use tillroll_collector::clock::Clock;
use tillroll_collector::config::{self, Command, Invocation, Keys, LogFormat, LogLevel, Serve};
use tillroll_collector::http::auth::access_token::Keyring;
use tillroll_collector::http::server::Server;
use tillroll_collector::projection;
use tillroll_collector::store::Options;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

/// An event is read on one thread, stored on another and freed on a third, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long threads may take to let go of the store once the server has stopped.
const LAST: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    match config::read().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tillroll: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(said: Invocation) -> Result<(), Error> {
    let arguments = match said {
        Invocation::Do(arguments) => arguments,
        Invocation::Report(report) => return say(&report),
    };
    match arguments.command {
        Command::Serve(flags) => {
            log(flags.log_format, flags.log_level);
            serve(&flags)
        }
        Command::Export(flags) => cli::export::run(&flags),
        Command::Import(flags) => cli::import::run(&flags, Clock::SYSTEM),
        Command::Backup(flags) => cli::backup::run(&flags, Clock::SYSTEM),
        Command::Restore(flags) => cli::restore::run(&flags),
        Command::Keys(Keys::Rotate(folder)) => Keyring::rotate(&folder.data, Clock::SYSTEM.millis()),
        Command::ProjectRegistry(projects) => say(projects.run(Clock::SYSTEM)?.trim_end()),
    }
}

/// Whoever started us may not listen; that is no reason to fail.
fn say(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout();
    let _ = if text.is_empty() { Ok(()) } else { writeln!(out, "{text}").and_then(|()| out.flush()) };
    Ok(())
}

fn log(format: LogFormat, level: LogLevel) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    // Libraries log what they like, and some of it is what clients sent.
    let ours = Targets::new().with_target("tillroll", level).with_target("tillroll_collector", level).with_default(LevelFilter::OFF);
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => registry().with(log.with_ansi(std::io::stderr().is_terminal()).with_filter(ours)).init(),
        LogFormat::Json => registry().with(log.json().flatten_event(true).with_filter(ours)).init(),
    }
}

fn serve(flags: &Serve) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::Serve)?;
    let result = runtime.block_on(async {
        let server = Server::open(flags, Options::default(), Clock::SYSTEM).await?;
        let stop = stop_signal()?;
        announce(&server, flags)?;
        server.run(stop).await
    });
    // This drops the last users of the store, and the store stores what still waits before it is gone.
    runtime.shutdown_timeout(LAST);
    projection::remove_after_stop(&flags.data);
    result
}

/// Standard output carries the one line that scripts wait for; everything else goes to standard error.
fn announce(server: &Server, flags: &Serve) -> Result<(), Error> {
    let address = server.address()?;
    if let Some(keys) = server.made() {
        eprintln!("A project was made and is kept in {}.\n  token:  {}\n  secret: {}", flags.data.display(), keys.token, keys.secret);
    }
    if !server.collector().assets.exist() {
        tracing::warn!("{}", Error::NoPageHalf);
    }
    say(&format!("tillroll listens on http://{address}"))
}

#[cfg(unix)]
fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Serve)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Serve)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, Error> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
