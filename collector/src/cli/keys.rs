//! `tillroll keys`: rotates the keys that sign access tokens. A running server uses the new key at once.

use clap::Subcommand;

use crate::auth::keyring::Keyring;
use crate::clock::Clock;
use crate::config::DataFolder;

/// The subcommands of `tillroll keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Add a new signing key. Tokens of the previous key stay valid until they expire; a running server uses the new key at once
    Rotate(DataFolder),
}

impl KeysCommand {
    /// Runs the subcommand.
    pub fn run(self, clock: Clock) -> anyhow::Result<()> {
        match self {
            Self::Rotate(folder) => Keyring::rotate(&folder.data, clock.millis()),
        }
    }
}
