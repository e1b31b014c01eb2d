//! `tillroll doctor`: checks a running server from outside, by the same address that pages and back ends use.
//!
//! Each check prints one line: what it found and, unless all is well, what to do. Nothing is stored and nothing is changed.

mod address;
mod cookie;
mod diagnosis;
mod forwarding;
mod report;
mod script;
mod transfer;

use clap::Args;

use crate::cli::server::{ServerClient, ServerFlags};
use crate::clock::Clock;
use report::Report;

/// The flags of `tillroll doctor`.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// The server.
    #[command(flatten)]
    pub server: ServerFlags,

    /// Address of the shop, such as https://www.shop.example, to check that its visitor cookie can be renewed
    #[arg(long, value_name = "URL")]
    pub shop: Option<String>,
}

/// Runs the command. Returns an error if there is a problem.
pub fn run(flags: &Flags, clock: Clock) -> anyhow::Result<()> {
    let server = ServerClient::new(&flags.server)?;
    let mut report = Report::new();
    if address::check(&server, &mut report) {
        script::check(&server, &mut report);
        cookie::check(&server, flags.shop.as_deref(), &mut report);
        diagnosis::check(&server, clock, &mut report);
        transfer::check(&server, &mut report);
    }
    report.finish()
}
