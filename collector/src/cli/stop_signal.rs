//! The signals that end the program: SIGTERM, SIGINT, which Ctrl-C sends, and SIGHUP, which a terminal sends that closes.

use anyhow::Context;

/// Returns a future that completes when the program should end. From now on the signals do not kill the process.
#[cfg(unix)]
pub fn received() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let context = "cannot wait for signals";
    let mut terminate = signal(SignalKind::terminate()).context(context)?;
    let mut interrupt = signal(SignalKind::interrupt()).context(context)?;
    let mut hangup = if may_handle_hangup() { Some(signal(SignalKind::hangup()).context(context)?) } else { None };
    Ok(async move {
        let hung_up = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hung_up => {}
        }
    })
}

/// Returns whether SIGHUP is not ignored. `nohup` ignores it for the programs that it starts, and a handler would undo that. Where the system has
/// no `/proc`, this is not known, and SIGHUP stays as it is.
#[cfg(unix)]
fn may_handle_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    // Bit 0 is signal 1.
    ignored.is_some_and(|ignored| ignored & 1 == 0)
}

/// Returns a future that completes when the program should end.
#[cfg(not(unix))]
pub fn received() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
