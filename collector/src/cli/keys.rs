//! `tillroll keys`: rotates the keys that sign access tokens. A running server uses the new key at once.

use std::time::Duration;

use clap::Subcommand;

use crate::auth::keyring::Keyring;
use crate::clock::Clock;
use crate::config::DataFolder;

/// The subcommands of `tillroll keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Replace the signing key. A running server uses the new key at once; tokens of the previous key and open live streams end
    Rotate {
        /// How long tokens of the previous key stay valid
        #[arg(long, default_value = "0s", value_name = "TIME", value_parser = humantime::parse_duration)]
        grace: Duration,
        /// The data folder.
        #[command(flatten)]
        folder: DataFolder,
    },
}

impl KeysCommand {
    /// Runs the subcommand.
    pub fn run(self, clock: Clock) -> anyhow::Result<()> {
        match self {
            Self::Rotate { grace, folder } => Keyring::rotate(&folder.data, clock.millis(), grace),
        }
    }
}
