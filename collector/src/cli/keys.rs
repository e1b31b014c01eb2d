//! `tillroll keys`: rotates the keys that sign access tokens, and makes the key of a group of collectors. A running server uses a new signing
//! key at once.

use std::time::Duration;

use clap::Subcommand;

use crate::auth::keyring::Keyring;
use crate::clock::Clock;
use crate::config::DataFolder;
use crate::replication::GroupKey;

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
    /// Print a new key for a group of collectors that share a log. Set it as TILLROLL_GROUP_KEY on all of them
    Group,
}

impl KeysCommand {
    /// Runs the subcommand. Returns what it prints.
    pub fn run(self, clock: Clock) -> anyhow::Result<String> {
        match self {
            Self::Rotate { grace, folder } => Keyring::rotate(&folder.data, clock.millis(), grace).map(|()| String::new()),
            Self::Group => GroupKey::generate(),
        }
    }
}
