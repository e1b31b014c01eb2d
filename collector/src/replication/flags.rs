//! The flags of `tillroll serve` for a replicated log.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// The shortest retention: a node that restarts must find the entries that it missed.
const MIN_RETENTION: Duration = Duration::from_secs(5 * 60);

/// The longest retention, ten years. NATS counts nanoseconds.
const MAX_RETENTION: Duration = Duration::from_secs(3_650 * 24 * 60 * 60);

/// How long entries stay in a new stream without the flag.
pub(super) const DEFAULT_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The flags.
#[derive(Clone, Debug, Args)]
pub struct LogFlags {
    /// Share one log with other collectors: the servers of NATS JetStream that hold it, with tls:// for encryption. Needs the environment
    /// variable TILLROLL_GROUP_KEY, which `tillroll keys group` makes
    #[arg(long = "log", env = "TILLROLL_LOG", value_delimiter = ',', hide_env_values = true, value_name = "nats://HOST:PORT")]
    pub servers: Vec<String>,

    /// The file with the credentials for the servers of --log
    #[arg(long = "log-credentials", env = "TILLROLL_LOG_CREDENTIALS", value_name = "FILE")]
    pub credentials: Option<PathBuf>,

    /// The file with the certificates of the authorities that the servers of --log are checked with, instead of those of the system
    #[arg(long = "log-ca", env = "TILLROLL_LOG_CA", value_name = "FILE")]
    pub authorities: Option<PathBuf>,

    /// The name of the stream that holds the log; another name is another group of collectors
    #[arg(long = "log-stream", env = "TILLROLL_LOG_STREAM", default_value = "tillroll", value_name = "NAME", value_parser = stream_name)]
    pub stream: String,

    /// How many servers hold each entry. Without it: 3, or 1 if the server is not part of a cluster
    #[arg(long = "log-replicas", env = "TILLROLL_LOG_REPLICAS", value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=5))]
    pub replicas: Option<u16>,

    /// How long entries stay in the log: the longest that a node may be away, and that erased data stays there. Without it: 7d in a new
    /// stream, and an existing one keeps its time
    #[arg(long = "log-retention", env = "TILLROLL_LOG_RETENTION", value_name = "TIME", value_parser = retention)]
    pub retention: Option<Duration>,
}

impl LogFlags {
    /// Returns whether this collector is a node of a group. A setting without an address counts: it must not start alone by mistake.
    pub fn is_set(&self) -> bool {
        !self.servers.is_empty()
    }
}

fn stream_name(text: &str) -> Result<String, String> {
    let is_valid = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if !text.is_empty() && text.len() <= 64 && text.chars().all(is_valid) {
        Ok(text.to_owned())
    } else {
        Err("must have 1 to 64 letters, digits, dashes or underscores".into())
    }
}

fn retention(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if (MIN_RETENTION..=MAX_RETENTION).contains(&duration) => Ok(duration),
        Ok(_) => Err("must be from 5m to 3650d".into()),
        Err(error) => Err(format!("{error}; write a duration such as 12h or 7d")),
    }
}
