//! The program `tillroll`: reads the command line, starts the server, and waits to be told to stop.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use tillroll_collector::clock::Clock;
use tillroll_collector::config::{Cli, Command, Keys, Serve};
use tillroll_collector::metrics::token::Keyring;
use tillroll_collector::server::Server;
use tillroll_collector::store::{self, Options};
use tillroll_collector::{Error, commands};
use tracing_subscriber::filter::LevelFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(colours).with_max_level(LevelFilter::INFO).init();
    let result = match cli.command {
        Command::Serve(flags) => serve(&flags),
        Command::Export(flags) => commands::export::run(&flags),
        Command::Import(flags) => commands::import::run(&flags, Clock::SYSTEM),
        Command::Backup(flags) => commands::backup::run(&flags, Clock::SYSTEM),
        Command::Restore(flags) => commands::restore::run(&flags),
        Command::Keys(Keys::Rotate(folder)) => Keyring::rotate(&folder.data, Clock::SYSTEM.millis()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tillroll: {error}");
            ExitCode::FAILURE
        }
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
    // Dropping the runtime drops the last users of the store, and the store stores what still waits before it is gone.
    drop(runtime);
    store::clean(&flags.data);
    result
}

/// Standard output carries the one line that scripts wait for; everything else goes to standard error.
fn announce(server: &Server, flags: &Serve) -> Result<(), Error> {
    let address = server.address()?;
    if let Some(keys) = server.made() {
        eprintln!("A project was made and is kept in {}.\n  token:  {}\n  secret: {}", flags.data.display(), keys.token, keys.secret);
    }
    if !server.collector().assets.exist() {
        eprintln!("{}", Error::NoPageHalf);
    }
    let mut out = std::io::stdout();
    // Whoever started us may not listen; that is no reason to stop.
    let _ = writeln!(out, "tillroll listens on http://{address}").and_then(|()| out.flush());
    Ok(())
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
