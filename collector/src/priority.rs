//! Threads with a lower priority than those that answer requests. While the processors are busy, their work waits; it is never lost.

use std::panic::resume_unwind;
use std::thread::Builder;

/// The lower priority, as a Unix nice value: other threads get nine times as much of a busy processor.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Lowers the priority of this thread, and of the threads that it starts from now on. Only an administrator can raise it again. Linux has
/// priorities of threads; other systems of processes only.
pub(crate) fn lower() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "cannot lower the priority of a thread");
    }
}

/// Runs `work` on a thread of its own with the lower priority, and waits for it.
pub(crate) fn run_lowered<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let lowered = || {
        lower();
        work()
    };
    std::thread::scope(|scope| match Builder::new().name("low-priority".into()).spawn_scoped(scope, lowered) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
        Err(error) => panic!("cannot start a thread: {error}"),
    })
}
