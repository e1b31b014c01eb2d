//! What `GET /diagnostics` responds: the server's side of what `tillroll doctor` checks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the server received of one request, and how its store does.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Diagnostics {
    /// The version of the server.
    pub(crate) version: String,
    /// The server's clock, in milliseconds since 1970.
    pub(crate) time: u64,
    /// The address that limits count this request for; None if the proxy's header does not name it.
    pub(crate) client: Option<String>,
    /// The value of `--trust-proxy`.
    pub(crate) trusted_proxies: usize,
    /// The headers of the request, with lower-case names. Those that the program does not compare have empty values.
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    /// Free space on the disk of the data folder, in bytes, if the system reports it.
    pub(crate) disk_free_bytes: Option<u64>,
    /// How many groups of requests this process has stored.
    pub(crate) commits: u64,
    /// The mean duration of such a commit with its flush, in milliseconds.
    pub(crate) mean_commit_millis: f64,
}
