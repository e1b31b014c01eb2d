//! The clock and the source of randomness: the only file of the collector that reads either from the system.
//!
//! Everything else receives a [`Clock`], so tests choose the time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::hex;

/// A source of the current time, in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Clock(fn() -> u64);

impl Clock {
    /// The system's clock.
    pub const SYSTEM: Self = Self(system_millis);

    /// A clock that reads the time from `now`.
    pub const fn new(now: fn() -> u64) -> Self {
        Self(now)
    }

    /// Returns the current time, in milliseconds since 1970.
    pub fn millis(self) -> u64 {
        (self.0)()
    }
}

/// A monotonic clock that measures a duration.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts the measurement.
    #[expect(clippy::disallowed_methods, reason = "this is the clock file")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Blocks the thread. Only commands of the command line use it; the server never blocks.
#[expect(clippy::disallowed_methods, reason = "this is the clock file")]
pub fn sleep(duration: Duration) {
    std::thread::sleep(duration);
}

/// Returns `N` random bytes, each as two hexadecimal digits.
pub fn random_hex<const N: usize>() -> std::io::Result<String> {
    Ok(hex::encode(&random::<N>()?))
}

/// Returns `N` random bytes.
#[expect(clippy::disallowed_methods, reason = "this is the clock file")]
pub fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Returns a unique request id: random digits of this process, and a counter.
pub fn unique_request_id() -> String {
    static PROCESS: OnceLock<String> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let process = PROCESS.get_or_init(|| random_hex::<6>().unwrap_or_default());
    format!("{process}-{:x}", NEXT.fetch_add(1, Relaxed))
}

#[expect(clippy::disallowed_methods, reason = "this is the clock file")]
fn system_millis() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}
