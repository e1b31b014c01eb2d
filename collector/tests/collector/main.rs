//! Tests of the real server over real sockets, with an HTTP client from outside.

/// When the servers of the tests start, in milliseconds since 1970: a week after [`server::EPOCH`].
const START_MS: u64 = server::EPOCH + 7 * 24 * 60 * 60 * 1_000;

mod addresses;
mod admission;
mod backend;
mod backup_faults;
mod batch;
mod bodies;
mod bots;
mod calls;
mod cli;
mod credentials;
mod currency;
mod customers;
mod disk;
mod doctor;
mod entrances;
mod ephemeral;
mod expensive;
mod export;
mod forward;
mod history;
mod hostile;
mod identity;
mod kill;
mod limits;
mod live;
mod log;
mod observability;
mod openapi;
mod operators;
mod order_reporter;
mod project_isolation;
mod projects;
mod ranks;
mod replica;
mod response_headers;
mod retention;
mod roles;
mod routing;
#[cfg(all(target_os = "linux", target_pointer_width = "64", feature = "duckdb"))]
mod run_path;
mod schema;
mod server;
mod settings;
mod start_stop;
mod state;
mod static_files;
mod storage_failures;
mod tags;
mod tail;
mod times;
mod tls;
mod validation;
mod vendor;
