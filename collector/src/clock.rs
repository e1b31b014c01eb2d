//! Time and chance: the only file of the collector that reads the clock or asks the system for random bytes.
//!
//! Everything else is given what it needs, so that it can be tested with a time of the test's choosing.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time, in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Clock(fn() -> u64);

impl Clock {
    /// The system's own clock.
    pub const SYSTEM: Self = Self(system_millis);

    /// A clock that asks `tell`.
    pub const fn new(tell: fn() -> u64) -> Self {
        Self(tell)
    }

    /// Returns the time now, in milliseconds since 1970.
    pub fn millis(self) -> u64 {
        (self.0)()
    }
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[expect(clippy::disallowed_methods, reason = "this is the clock file")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Waits, for the command line; nothing of the server ever does.
#[expect(clippy::disallowed_methods, reason = "this is the clock file")]
pub fn pause(how_long: Duration) {
    std::thread::sleep(how_long);
}

/// Returns `N` random bytes, each as two hexadecimal digits.
pub fn random_hex<const N: usize>() -> std::io::Result<String> {
    Ok(random::<N>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Returns `N` random bytes.
#[expect(clippy::disallowed_methods, reason = "this is the clock file")]
pub fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Returns a name for a request that no other request has: chance that is this process's, and a number.
pub fn request_name() -> String {
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
