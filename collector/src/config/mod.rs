//! The configuration of the server: flags, the environment variable of each flag, and a file with defaults for both.
//!
//! Each setting is declared once, as a flag in `serve_flags.rs`. Its environment variable, its name in the file and the
//! schema of the file follow from that.

pub mod currency;
pub(crate) mod file;
mod host_port;
pub mod per_project;
pub(crate) mod redact;
pub(crate) mod report;
pub mod schema;
mod serve_flags;
pub mod time_zone;

pub use serve_flags::{AnalyticsFlags, DataFolder, LimitFlags, LogFormat, LogLevel, ReceiptFlags, Serve};
