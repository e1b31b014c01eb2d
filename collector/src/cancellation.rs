//! Stops work whose result no client waits for any more.
//!
//! The future that waits for the work holds a [`Waiter`]. If it is dropped, because the client disconnected or the response timed out, the
//! work sees it in its [`Cancellation`].

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

/// The time between two interrupts of the same work: one that comes just before the work begins has no effect.
const INTERRUPT_INTERVAL: Duration = Duration::from_millis(20);

type Interrupt = Box<dyn Fn() + Send>;

/// Whether work was cancelled. Clones belong to the same work.
#[derive(Clone, Default)]
pub struct Cancellation(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_cancelled: bool,
    interrupt: Option<Interrupt>,
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Cancellation").field(&self.is_cancelled()).finish()
    }
}

impl Cancellation {
    /// Returns whether the work should stop.
    pub fn is_cancelled(&self) -> bool {
        self.with(|state| state.is_cancelled)
    }

    /// Runs `work`. Until it returns, a cancellation calls `interrupt` again and again, and afterwards never.
    pub fn interruptible<T>(&self, interrupt: impl Fn() + Send + 'static, work: impl FnOnce() -> T) -> T {
        self.with(|state| state.interrupt = Some(Box::new(interrupt)));
        let result = work();
        self.with(|state| state.interrupt = None);
        result
    }

    /// Interrupts the work; returns whether it runs.
    fn interrupt(&self) -> bool {
        self.with(|state| state.interrupt.as_ref().inspect(|interrupt| interrupt()).is_some())
    }

    /// Returns the value that cancels the work when it is dropped.
    pub(crate) fn waiter(&self) -> Waiter {
        Waiter(self.clone())
    }

    fn with<T>(&self, access: impl FnOnce(&mut State) -> T) -> T {
        access(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Cancels work when it is dropped.
#[derive(Debug)]
pub(crate) struct Waiter(Cancellation);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.with(|state| state.is_cancelled = true);
        let work = self.0.clone();
        if work.interrupt()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move {
                while work.interrupt() {
                    tokio::time::sleep(INTERRUPT_INTERVAL).await;
                }
            });
        }
    }
}
