//! What an operator says about handing events on to the vendor that a shop stays with.

use clap::Args;
use serde_json::Value;

use crate::vendors::ometria::to_ometria;

/// Where credentials stand. They are for the environment alone: a command line can be read by everybody on the machine.
const CREDENTIALS: &str = "TILLROLL_OMETRIA_CREDENTIALS";

/// The flags.
#[derive(Clone, Debug, Args)]
pub struct Forwarding {
    /// Hand events on to a shop's own Ometria headless endpoint; TOKEN=URL where this server has several projects. Credentials come from
    /// the environment's TILLROLL_OMETRIA_CREDENTIALS alone: NAME:SECRET or a whole Authorization header, with TOKEN= before them likewise
    #[arg(long = "forward-ometria", env = "TILLROLL_FORWARD_OMETRIA", value_delimiter = ',', value_name = "URL")]
    pub to: Vec<String>,
}

impl Forwarding {
    /// Returns the credentials.
    pub fn credentials(&self) -> Vec<String> {
        std::env::var(CREDENTIALS).unwrap_or_default().split(',').map(str::to_owned).collect()
    }

    /// Returns the requests that tell the vendor of an exported event.
    pub fn translate(event: &Value) -> Vec<Value> {
        to_ometria::requests(event)
    }
}
