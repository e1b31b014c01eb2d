//! Whether standard output still has a reader. Without this check `tillroll tail | head -n 1` would end only with the event after the first.

/// Completes when the reader of standard output has closed its pipe, or the terminal is gone. For a file it never completes.
pub(super) async fn closed() {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        if wait() {
            // Without a receiver the command has ended already.
            let _ = sender.send(());
        }
    });
    if receiver.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Blocks until standard output is closed at its other end. Returns false if that cannot be observed.
#[cfg(unix)]
fn wait() -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;
    let stdout = std::io::stdout();
    // Errors and hang-ups are reported without being asked for.
    let mut descriptors = [PollFd::new(&stdout, PollFlags::empty())];
    loop {
        match poll(&mut descriptors, None) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return descriptors[0].revents().intersects(PollFlags::ERR | PollFlags::HUP),
            Err(_) => return false,
        }
    }
}

#[cfg(not(unix))]
fn wait() -> bool {
    false
}
