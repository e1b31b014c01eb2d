//! The signals that end the program: SIGTERM and SIGINT, which Ctrl-C sends.

use anyhow::Context;

/// Returns a future that completes when the program should end. From now on the signals do not kill the process.
#[cfg(unix)]
pub fn received() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let context = "cannot wait for signals";
    let mut terminate = signal(SignalKind::terminate()).context(context)?;
    let mut interrupt = signal(SignalKind::interrupt()).context(context)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Returns a future that completes when the program should end.
#[cfg(not(unix))]
pub fn received() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
