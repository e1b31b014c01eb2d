//! The one file of this program that reads a clock or a source of chance.
//!
//! The clock measures how long a step took, and says which day it is; chance only makes the secret of a demo.

use std::fmt::Write as _;
use std::io::Read;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::error::Error;

/// Measures from its making to whenever it is printed.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[expect(clippy::disallowed_methods, reason = "the clock file of xtask")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// Today, in days since 1 January 1970.
#[expect(clippy::disallowed_methods, reason = "the clock file of xtask")]
pub(crate) fn day() -> Result<i64, Error> {
    let since =
        SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| Error::History("the clock of this machine stands before 1970".into()))?;
    Ok((since.as_secs() / 86_400).cast_signed())
}

/// A fresh secret: 32 hex digits from the system's own source.
pub(crate) fn secret() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
