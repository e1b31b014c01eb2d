//! `tillroll config`: what an editor or an operator needs to write the configuration file.

use clap::{Command, Subcommand};

use crate::config::schema;

/// The subcommands of `tillroll config`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the JSON schema of the configuration file, with which editors complete and check it
    Schema,
}

impl ConfigCommand {
    /// Runs the subcommand. Returns what it prints.
    pub fn run(self, program: &Command) -> String {
        match self {
            Self::Schema => format!("{:#}", schema::schema(program)),
        }
    }
}
