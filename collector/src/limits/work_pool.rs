//! The threads for expensive work on request bodies: decoding, parsing, verifying signatures.
//!
//! There are few of them, with a lower priority than the threads that answer requests, so cheap requests never wait for expensive ones. Each
//! client's work waits in a queue of its own, and the queues take turns, so a client that sends much waits for itself.
//!
//! Invariant: a client is in `turns` exactly once while its queue has work. What waits is bounded by the memory for bodies.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::Error;
use crate::cancellation::Cancellation;
use crate::limits::client_key::ClientKey;
use crate::priority;

type Job = Box<dyn FnOnce() + Send>;

/// A pool of threads. Dropping it ends the threads after their current work.
pub(crate) struct WorkPool(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queues: Mutex<Queues>,
    changed: Condvar,
}

#[derive(Default)]
struct Queues {
    by_client: HashMap<ClientKey, VecDeque<Job>>,
    turns: VecDeque<ClientKey>,
    is_closed: bool,
}

impl WorkPool {
    /// Starts one thread for every two processors.
    pub(crate) fn start() -> Self {
        Self::with_threads(std::thread::available_parallelism().map_or(1, |processors| processors.get().div_ceil(2)))
    }

    fn with_threads(threads: usize) -> Self {
        let shared = Arc::new(Shared::default());
        for number in 0..threads {
            let (own, thread) = (Arc::clone(&shared), std::thread::Builder::new().name(format!("work-{number}")));
            if let Err(error) = thread.spawn(move || own.run()) {
                tracing::error!(%error, "cannot start a thread for large bodies");
            }
        }
        Self(shared)
    }

    /// Runs `work` when it is the client's turn, and returns its result. The work is skipped, or sees the cancellation, if the returned future
    /// is dropped.
    pub(crate) async fn run<T, F>(&self, client: ClientKey, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Cancellation) -> T + Send + 'static,
    {
        let (sender, result) = oneshot::channel();
        let cancellation = Cancellation::default();
        let _waiter = cancellation.waiter();
        self.0.push(
            client,
            Box::new(move || {
                if !cancellation.is_cancelled() {
                    // The receiver is gone if the client disconnected meanwhile.
                    let _ = sender.send(work(&cancellation));
                }
            }),
        );
        result.await.map_err(|_| Error::Stopping)
    }
}

impl Drop for WorkPool {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, client: ClientKey, job: Job) {
        self.lock().push(client, job);
        self.changed.notify_one();
    }

    fn run(&self) {
        priority::lower();
        while let Some(job) = self.next() {
            // The message of a panic is printed by the panic hook; the client gets an error, because the result is never sent.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    /// Waits for work; returns None once the pool is dropped.
    fn next(&self) -> Option<Job> {
        let mut queues = self.lock();
        loop {
            if queues.is_closed {
                return None;
            }
            if let Some(job) = queues.pop() {
                return Some(job);
            }
            queues = self.changed.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Queues {
    fn push(&mut self, client: ClientKey, job: Job) {
        let own = self.by_client.entry(client).or_default();
        if own.is_empty() {
            self.turns.push_back(client);
        }
        own.push_back(job);
    }

    /// Takes the oldest work of the client whose turn it is.
    fn pop(&mut self) -> Option<Job> {
        let client = self.turns.pop_front()?;
        let own = self.by_client.get_mut(&client)?;
        let job = own.pop_front();
        if own.is_empty() {
            self.by_client.remove(&client);
        } else {
            self.turns.push_back(client);
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_take_turns_and_their_own_work_stays_in_order() {
        let [first, second] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(|address: [u8; 4]| ClientKey::of(address.into()));
        let (done, mut queues) = (Arc::new(Mutex::new(Vec::new())), Queues::default());
        for (client, name) in [(first, "a1"), (first, "a2"), (first, "a3"), (second, "b1"), (second, "b2")] {
            let done = Arc::clone(&done);
            queues.push(client, Box::new(move || done.lock().unwrap().push(name)));
        }
        while let Some(job) = queues.pop() {
            job();
        }
        assert_eq!(*done.lock().unwrap(), ["a1", "b1", "a2", "b2", "a3"]);
        assert!(queues.by_client.is_empty() && queues.turns.is_empty());
    }

    #[tokio::test]
    async fn work_is_skipped_or_sees_the_cancellation_if_nothing_waits_for_it() {
        let pool = WorkPool::with_threads(1);
        let client = ClientKey::Unreadable;
        let (started, has_started) = oneshot::channel();
        let (seen, has_seen) = oneshot::channel();
        let running = pool.run(client, |cancellation| {
            started.send(()).unwrap();
            while !cancellation.is_cancelled() {
                std::thread::yield_now();
            }
            seen.send(()).unwrap();
        });
        let (waiting, was_run) = oneshot::channel();
        let skipped = pool.run(client, |_| waiting.send(()));
        {
            let (mut running, mut skipped) = (std::pin::pin!(running), std::pin::pin!(skipped));
            tokio::select! {
                biased;
                _ = &mut running => unreachable!("it runs until it is cancelled"),
                _ = &mut skipped => unreachable!("one thread runs the work of a client in order"),
                started = has_started => started.unwrap(),
            }
        }
        has_seen.await.unwrap();
        assert!(was_run.await.is_err());
        assert!(matches!(pool.run(client, |_| 7).await, Ok(7)));
    }

    #[tokio::test]
    async fn work_returns_its_result_and_a_panic_is_an_error_of_that_work_only() {
        let pool = WorkPool::start();
        let client = ClientKey::Unreadable;
        let panicked: Result<(), Error> = pool.run(client, |_| panic!("injected panic")).await;
        assert!(panicked.is_err());
        assert!(matches!(pool.run(client, |_| 7).await, Ok(7)));
    }
}
