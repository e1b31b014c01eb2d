//! The way of a batch: decode, store, tell.
//!
//! Nothing is told to anybody, sender or listener, before the store said that the good events are safe.

use bytes::Bytes;
use tillroll_protocol::batch::Answer;

use crate::decode::{self, Incoming, Refusal};
use crate::{Collector, Error};

/// A batch of this size is decoded where it may take its time.
const LARGE_BYTES: usize = 64 * 1024;

/// Takes a batch and returns what became of its events.
pub async fn batch(collector: &std::sync::Arc<Collector>, body: Bytes) -> Result<Answer, Error> {
    let received_at = collector.clock.millis();
    let sorted = if body.len() < LARGE_BYTES {
        sort(collector, &body)?
    } else {
        let collector = std::sync::Arc::clone(collector);
        tokio::task::spawn_blocking(move || sort(&collector, &body)).await.map_err(|_| Error::Stopping)??
    };
    let appended = match sorted.good.is_empty() {
        true => Default::default(),
        false => collector.store.append(sorted.project, received_at, sorted.good).await?,
    };
    collector.telemetry.stored(appended.accepted, appended.duplicates);
    for refusal in &sorted.bad {
        collector.telemetry.rejected(refusal.reason.code());
        collector.live.reject(sorted.project, refusal);
    }
    let rejected = sorted.bad.iter().map(Refusal::rejection).collect();
    Ok(Answer { accepted: appended.accepted, duplicates: appended.duplicates, rejected })
}

struct Sorted {
    project: i64,
    good: Vec<Incoming>,
    bad: Vec<Refusal>,
}

fn sort(collector: &Collector, body: &[u8]) -> Result<Sorted, Error> {
    let batch = decode::batch(body)?;
    let project = collector.projects.find(&batch.token).ok_or(Error::UnknownToken)?.id;
    let mut sorted = Sorted { project, good: Vec::with_capacity(batch.events.len()), bad: Vec::new() };
    for text in batch.events {
        match decode::event(text.get()) {
            Ok(incoming) => sorted.good.push(incoming),
            Err(refusal) => sorted.bad.push(refusal),
        }
    }
    Ok(sorted)
}
