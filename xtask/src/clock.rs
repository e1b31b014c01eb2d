//! The only file of this program that reads the clock or a source of randomness.

use std::time::Instant;

use anyhow::Result;
use jiff::Timestamp;

use crate::files;

/// Measures the time since it was created.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts the measurement.
    #[expect(clippy::disallowed_methods, reason = "the clock file of xtask")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// The number of whole days since 1 January 1970, UTC.
#[expect(clippy::disallowed_methods, reason = "the clock file of xtask")]
pub(crate) fn days_since_epoch() -> i64 {
    Timestamp::now().as_second().div_euclid(86_400)
}

/// A random secret of 32 hex digits.
#[expect(clippy::disallowed_methods, reason = "the clock file of xtask")]
pub(crate) fn random_secret() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(files::hex(&bytes))
}

/// A random number of at most six digits, which is easy to type again.
#[expect(clippy::disallowed_methods, reason = "the clock file of xtask")]
pub(crate) fn random_seed() -> Result<u64> {
    let mut bytes = [0_u8; 4];
    getrandom::fill(&mut bytes)?;
    Ok(u64::from(u32::from_le_bytes(bytes)) % 1_000_000)
}
