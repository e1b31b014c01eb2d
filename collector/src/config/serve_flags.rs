//! The flags of `tillroll serve`, with their help texts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::addresses::AddressFlags;
use crate::config::currency::Currency;
use crate::config::host_port::host_port;
use crate::config::per_project::PerProject;
use crate::config::time_zone::ZoneName;
use crate::projection::{ClickHouseAddress, EngineConfig, EngineLimits};
use crate::projects;
use crate::replication::LogFlags;
use crate::vendors::Forwarding;

/// The largest value of `--attribution-days`: a hundred years, which no time of an event is short of.
const MAX_ATTRIBUTION_DAYS: i64 = 36_500;

/// The data folder.
#[derive(Clone, Debug, Args)]
pub struct DataFolder {
    /// The data folder
    #[arg(long, env = "TILLROLL_DATA", default_value = "./tillroll-data", value_name = "DIR")]
    pub data: PathBuf,
}

/// The flags for what is stored of events and records, at receipt and by an import.
#[derive(Clone, Debug, Args)]
pub struct ReceiptFlags {
    /// Addresses of pages.
    #[command(flatten)]
    pub addresses: AddressFlags,

    /// Currency of amounts that arrive without one, such as EUR; TOKEN=CURRENCY for one project
    #[arg(long = "currency", env = "TILLROLL_CURRENCY", value_delimiter = ',', value_name = "CURRENCY")]
    pub currencies: Vec<PerProject<Currency>>,
}

/// The flags of `tillroll serve`.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Read settings from this TOML file. Setting names are flag names without dashes in front. Flags and environment variables override it
    #[arg(long, env = "TILLROLL_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print each setting with its source, and exit
    #[arg(long)]
    pub check_config: bool,

    /// Address and port to listen on; port 0 selects a free port
    #[arg(long, env = "TILLROLL_LISTEN", default_value = "127.0.0.1:7070", value_name = "HOST:PORT", value_parser = host_port)]
    pub listen: String,

    /// Data folder; created if it is missing
    #[arg(long, env = "TILLROLL_DATA", default_value = "./tillroll-data", value_name = "DIR")]
    pub data: PathBuf,

    /// For the tests of a shop: store in a temporary folder that is deleted at the end, answer /test/events, /test/rejected and /test/reset
    /// without a secret, and use the project `test:test-secret` unless --project is given. Conflicts with --data, --log, --analytics and
    /// forwarding
    #[arg(long)]
    pub ephemeral: bool,

    /// Public token and secret of a project; repeatable. Other users of this machine can read a command line: prefer --project-file or the
    /// environment. Without any, the first start creates a project and prints its credentials
    #[arg(long = "project", env = "TILLROLL_PROJECTS", hide_env_values = true, value_delimiter = ',', value_name = "TOKEN:SECRET")]
    pub projects: Vec<String>,

    /// Read projects from this file, one TOKEN:SECRET in each line
    #[arg(long, env = "TILLROLL_PROJECT_FILE", value_name = "FILE")]
    pub project_file: Option<PathBuf>,

    /// Serve the browser library from this folder instead of the copy built into the program
    #[arg(long, env = "TILLROLL_ASSETS", value_name = "DIR")]
    pub assets: Option<PathBuf>,

    /// Forwarding to a vendor's server.
    #[command(flatten)]
    pub forwarding: Forwarding,

    /// What is stored of events and records.
    #[command(flatten)]
    pub receipt: ReceiptFlags,

    /// File in MaxMind's format, such as GeoLite2-Country.mmdb, that gives visits their country. No address is stored
    #[arg(long, env = "TILLROLL_GEOIP", value_name = "FILE")]
    pub geoip: Option<PathBuf>,

    /// Longest range of days that the date filter of a metrics query may cover
    #[arg(long, env = "TILLROLL_METRICS_DAYS", default_value_t = crate::metrics::parse::MAX_RANGE_DAYS, value_name = "DAYS",
          value_parser = clap::value_parser!(i64).range(1..))]
    pub metrics_days: i64,

    /// How many days before an order an arrival can lead to it
    #[arg(long, env = "TILLROLL_ATTRIBUTION_DAYS", default_value_t = crate::metrics::parse::ATTRIBUTION_DAYS, value_name = "DAYS",
          value_parser = clap::value_parser!(u32).range(..=MAX_ATTRIBUTION_DAYS))]
    pub attribution_days: u32,

    /// Time zone in which /reports counts days, such as Europe/Berlin; TOKEN=ZONE for one project. The default is UTC
    #[arg(long = "time-zone", env = "TILLROLL_TIME_ZONE", value_delimiter = ',', value_name = "ZONE")]
    pub time_zones: Vec<PerProject<ZoneName>>,

    /// The analytics engine.
    #[command(flatten)]
    pub analytics: AnalyticsFlags,

    /// A replicated log.
    #[command(flatten)]
    pub log: LogFlags,

    /// Serve the demo shop at /, and allow requests from this machine to open the owner's pages, also to erase customers, without a secret
    #[arg(long)]
    pub demo: bool,

    /// Format of the log on standard error
    #[arg(long, env = "TILLROLL_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,

    /// Log level: errors, warnings, server activity, or every request
    #[arg(long, env = "TILLROLL_LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub log_level: LogLevel,

    /// How long a stopping server waits for requests in progress
    #[arg(long, env = "TILLROLL_SHUTDOWN_DEADLINE", default_value = "10s", value_name = "TIME", value_parser = duration)]
    pub shutdown_deadline: Duration,

    /// Delete events from the log that were stored longer ago than this. Customers, orders, carts and returns stay
    #[arg(long, env = "TILLROLL_KEEP_EVENTS", value_name = "TIME", value_parser = duration)]
    pub keep_events: Option<Duration>,

    /// Reject new events when free disk space is below this many MB (at most 5 % of the disk)
    #[arg(long, env = "TILLROLL_RESERVE", default_value_t = 64, value_name = "MB")]
    pub reserve: u64,

    /// Encryption without a proxy.
    #[command(flatten)]
    pub tls: TlsFlags,

    /// Limits on clients.
    #[command(flatten)]
    pub limits: LimitFlags,
}

/// The flags of `tillroll serve` for TLS.
#[derive(Clone, Debug, Args)]
pub struct TlsFlags {
    /// Serve HTTPS and HTTP/2 with the certificate chain in this PEM file. A renewed file is used without a restart
    #[arg(long = "tls-cert", env = "TILLROLL_TLS_CERT", value_name = "FILE", requires = "key")]
    pub certificate: Option<PathBuf>,

    /// The PEM file with the private key of --tls-cert
    #[arg(long = "tls-key", env = "TILLROLL_TLS_KEY", value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,

    /// Also listen here without encryption: redirect every request to HTTPS, and answer /healthz and /readyz
    #[arg(long = "redirect-listen", env = "TILLROLL_REDIRECT_LISTEN", value_name = "HOST:PORT", value_parser = host_port, requires = "certificate")]
    pub redirect_listen: Option<String>,

    /// Answer the HTTP-01 challenges of ACME on --redirect-listen, with the files that a client such as certbot writes into this folder
    #[arg(long, env = "TILLROLL_ACME_WEBROOT", value_name = "DIR", requires = "redirect_listen")]
    pub acme_webroot: Option<PathBuf>,

    /// The time for which browsers use only HTTPS for this host (Strict-Transport-Security)
    #[arg(long, env = "TILLROLL_HSTS", value_name = "TIME", value_parser = duration, requires = "certificate")]
    pub hsts: Option<Duration>,
}

impl TlsFlags {
    /// Returns an error if one of the settings needs another. The parser checks flags and environment, but not the file.
    pub fn check(&self) -> anyhow::Result<()> {
        let settings = [
            ("tls-cert", self.certificate.is_some(), "tls-key", self.key.is_some()),
            ("tls-key", self.key.is_some(), "tls-cert", self.certificate.is_some()),
            ("redirect-listen", self.redirect_listen.is_some(), "tls-cert", self.certificate.is_some()),
            ("acme-webroot", self.acme_webroot.is_some(), "redirect-listen", self.redirect_listen.is_some()),
            ("hsts", self.hsts.is_some(), "tls-cert", self.certificate.is_some()),
        ];
        match settings.iter().find(|(_, is_set, _, has_needed)| *is_set && !has_needed) {
            Some((name, _, needed, _)) => anyhow::bail!("`{name}` needs `{needed}`: set both"),
            None => Ok(()),
        }
    }
}

/// The flags of `tillroll serve` that choose the analytics engine, and limit what the embedded one may use.
#[derive(Clone, Debug, Args)]
pub struct AnalyticsFlags {
    /// Keep what metrics queries read in this ClickHouse database instead of the data folder: clickhouse://USER@HOST:PORT/DATABASE, or
    /// clickhouses:// for TLS. The password comes from the environment variable TILLROLL_CLICKHOUSE_PASSWORD only
    #[arg(long = "analytics", env = "TILLROLL_ANALYTICS", hide_env_values = true, value_name = "URL")]
    pub clickhouse: Option<ClickHouseAddress>,

    /// Replicate the tables in ClickHouse on this cluster
    #[arg(long, env = "TILLROLL_CLICKHOUSE_CLUSTER", value_name = "NAME", value_parser = cluster_name)]
    pub clickhouse_cluster: Option<String>,

    /// Memory of the analytics engine, in MB. Queries that need more use temporary files
    #[arg(long, env = "TILLROLL_ANALYTICS_MEMORY", default_value_t = EngineLimits::default().memory_mb, value_name = "MB", value_parser = clap::value_parser!(u32).range(64..))]
    pub analytics_memory: u32,

    /// Size of the analytics engine's temporary files in the data folder, in MB. A query that needs more fails; 0 allows no such files
    #[arg(long, env = "TILLROLL_ANALYTICS_TEMP", default_value_t = EngineLimits::default().temp_mb, value_name = "MB")]
    pub analytics_temp: u32,
}

impl AnalyticsFlags {
    /// Returns the engine.
    pub fn engine(&self) -> EngineConfig {
        match self.clickhouse.clone() {
            None => EngineConfig::Embedded(EngineLimits { memory_mb: self.analytics_memory, temp_mb: self.analytics_temp }),
            Some(address) => {
                let password = std::env::var("TILLROLL_CLICKHOUSE_PASSWORD").unwrap_or_default();
                EngineConfig::ClickHouse { address, password, cluster: self.clickhouse_cluster.clone() }
            }
        }
    }
}

impl Serve {
    /// Returns the projects of `--project` and of `--project-file`, each as `TOKEN:SECRET`.
    pub fn all_projects(&self) -> anyhow::Result<Vec<String>> {
        let from_file = self.project_file.as_deref().map_or(Ok(Vec::new()), projects::read_lines)?;
        Ok([self.projects.as_slice(), &from_file].concat())
    }
}

/// The flags of `tillroll serve` that limit what clients may use.
#[derive(Clone, Debug, Args)]
pub struct LimitFlags {
    /// Maximum number of open connections. Further connections get 503
    #[arg(long, env = "TILLROLL_MAX_CONNECTIONS", default_value_t = 8192, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,

    /// Timeout for receiving a request head, and for idle connections
    #[arg(long, env = "TILLROLL_HEADER_TIMEOUT", default_value = "30s", value_name = "TIME", value_parser = duration)]
    pub header_timeout: Duration,

    /// Timeout for receiving a request body
    #[arg(long, env = "TILLROLL_BODY_TIMEOUT", default_value = "30s", value_name = "TIME", value_parser = duration)]
    pub body_timeout: Duration,

    /// Response write timeout: close the connection if the client reads nothing for this long
    #[arg(long, env = "TILLROLL_SEND_TIMEOUT", default_value = "30s", value_name = "TIME", value_parser = duration)]
    pub send_timeout: Duration,

    /// Response timeout: answer 503 if a response to a page, a back end or a metrics query does not begin within this time
    #[arg(long, env = "TILLROLL_ANSWER_TIMEOUT", default_value = "60s", value_name = "TIME", value_parser = duration)]
    pub answer_timeout: Duration,

    /// Rate limit per client address, in requests per second; 0 disables it. Requests from this machine are not limited
    #[arg(long, env = "TILLROLL_RATE_PER_ADDRESS", default_value_t = 500, value_name = "COUNT")]
    pub rate_per_address: u32,

    /// Rate limit per project, in requests per second; 0 disables it
    #[arg(long, env = "TILLROLL_RATE_PER_PROJECT", default_value_t = 0, value_name = "COUNT")]
    pub rate_per_project: u32,

    /// Take the client address from X-Forwarded-For, to which this many of your own proxies each append an address
    #[arg(long, env = "TILLROLL_TRUST_PROXY", default_value_t = 0, num_args = 0..=1, require_equals = true, default_missing_value = "1",
          value_name = "COUNT")]
    pub trust_proxy: usize,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The log level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Problems that need the operator's attention.
    Error,
    /// Possible problems too.
    Warn,
    /// Server activity too.
    Info,
    /// Every request too.
    Debug,
}

/// Parses `30s`, `5m`, `400d`.
fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) => Err("must be longer than zero".into()),
        Err(error) => Err(format!("{error}; write a duration such as 30s, 5m or 400d")),
    }
}

/// Parses the name of a cluster, which becomes a part of statements.
fn cluster_name(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-{}".contains(letter));
    if is_name { Ok(text.into()) } else { Err("a name has letters, digits, `_` and `-`".into()) }
}
