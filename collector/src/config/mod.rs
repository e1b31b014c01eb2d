//! The configuration of the server: flags, the environment variable of each flag, and a file with defaults for both.
//!
//! Each setting is declared once, as a flag in `flags.rs`. Its environment variable and its name in the file follow from that.

pub(crate) mod file;
mod flags;
pub(crate) mod report;

pub use flags::{DataFolder, LimitFlags, LogFormat, LogLevel, Serve};
