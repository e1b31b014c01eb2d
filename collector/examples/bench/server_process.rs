//! A server in a process of its own: this program, started again. Its processor time and its memory are its own, and it can be stopped while
//! another server is measured.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use clap::Parser;
use tempfile::TempDir;
use tillroll_collector::cli::{Cli, Command as Subcommand};
use tillroll_collector::clock::Clock;
use tillroll_collector::http::server::{Options, Server};
use tokio::runtime::Builder;

/// The token and the secret of the collector's project.
const PROJECT: &str = "token:secret";

/// A running server. Dropping it ends the process and deletes its folder.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

impl ServerProcess {
    /// Starts this program with these arguments and, as the last one, a folder for the server's files. It must print its address.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let folder = tempfile::tempdir_in(".").expect("a folder on the disk that is to be measured");
        let mut command = Command::new(program);
        command.args(arguments).arg(folder.path().join("data")).env("TILLROLL_PROJECTS", PROJECT);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a server");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("an address");
        let address = line.trim().parse().expect("an address");
        Self { child, address, _folder: folder }
    }

    /// Starts a collector with these settings besides.
    pub(crate) fn collector(settings: &[&str]) -> Self {
        let own = ["serve", "--listen", "127.0.0.1:0", "--log-level", "error"];
        Self::start(&[&own, settings, &["--data"]].concat())
    }

    /// Stops the process until [`resume`](Self::resume).
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "a process on a Unix system");
    }

    /// Restarts the measurement of the peak.
    pub(crate) fn reset_peak(&self) {
        let _ = std::fs::write(self.path("clear_refs"), "5");
    }

    /// Returns the peak of memory since the last reset, in MB; 0 on systems that do not report it.
    pub(crate) fn peak_mb(&self) -> f64 {
        self.status_mb("VmHWM:")
    }

    /// Returns the memory that the process holds, in MB; 0 on systems that do not report it.
    pub(crate) fn resident_mb(&self) -> f64 {
        self.status_mb("VmRSS:")
    }

    fn status_mb(&self, name: &str) -> f64 {
        let status = std::fs::read_to_string(self.path("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).map_or(0.0, |kilobytes| kilobytes / 1024.0)
    }

    /// Returns the processor time of the process, in microseconds; 0 on systems that do not report it.
    pub(crate) fn processor_micros(&self) -> f64 {
        const MICROS_PER_TICK: f64 = 10_000.0;
        let stat = std::fs::read_to_string(self.path("stat")).unwrap_or_default();
        let ticks = stat.rsplit_once(')').map_or("", |(_, after_name)| after_name).split_whitespace().skip(11).take(2);
        ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * MICROS_PER_TICK
    }

    fn path(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.child.id())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `tillroll` with these arguments, which begin with `serve`, in this process, and prints the address.
pub(crate) fn serve(arguments: &[String]) {
    let Subcommand::Serve(flags) = Cli::parse_from(["tillroll".to_owned()].iter().chain(arguments)).command else {
        panic!("these are the flags of serve");
    };
    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let server = Server::open(&flags, Options::default(), Clock::SYSTEM).await.expect("a server");
        println!("{}", server.address().expect("an address"));
        server.run(std::future::pending()).await.expect("a server");
    });
}
