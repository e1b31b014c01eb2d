//! Forwarding: the operator's flags for sending stored events on to a shop's Ometria account.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::vendors::ometria::to_ometria;

/// The environment variable of the credentials. There is no flag, because other users of the machine can read a command line.
const CREDENTIALS_VARIABLE: &str = "TILLROLL_OMETRIA_CREDENTIALS";

/// The flag of the servers, for messages.
pub(crate) const FORWARD_FLAG: &str = "--forward-ometria";

/// The name of that flag as a setting.
pub(crate) const FORWARD_SETTING: &str = "forward-ometria";

/// The flags.
#[derive(Clone, Debug, Args)]
pub struct Forwarding {
    /// Forward events to a shop's own Ometria headless endpoint; TOKEN=URL if this server has several projects. The credentials come from
    /// the environment variable TILLROLL_OMETRIA_CREDENTIALS only: NAME:SECRET or a whole Authorization header, with the same TOKEN= prefix
    #[arg(long = "forward-ometria", env = "TILLROLL_FORWARD_OMETRIA", hide_env_values = true, value_delimiter = ',', value_name = "URL")]
    pub to: Vec<String>,

    /// How long an event that the server answers with status 5xx or 429, or not at all, is retried before it is set aside and the next ones
    /// are forwarded
    #[arg(long = "forward-retry", env = "TILLROLL_FORWARD_RETRY", default_value = "1h", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub retry_time: Duration,
}

impl Forwarding {
    /// Returns the credentials from the environment, in the order of the flag's values.
    pub fn credentials(&self) -> Vec<String> {
        std::env::var(CREDENTIALS_VARIABLE).unwrap_or_default().split(',').map(str::to_owned).collect()
    }

    /// Returns the vendor's requests for an exported event.
    pub fn translate(event: &Value) -> Vec<Value> {
        to_ometria::requests(event)
    }
}
