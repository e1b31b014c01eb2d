//! The way of what comes in: decode, store, tell.
//!
//! Nothing is told to anybody, sender or listener, before the store said that the good part of it is safe.

pub mod decode;
pub mod rejection;
pub mod rejection_broadcast;

use std::sync::Arc;

use bytes::Bytes;
use tillroll_protocol::batch::BatchResponse;

use crate::ingest::decode::{DecodedEvent, RawEvent, RejectedEvent};
use crate::projects::Project;
use crate::store::{EncodedBatch, RecordBatch, TrustLevel};
use crate::vendors::records::{Endpoint, Told, is_signed};
use crate::vendors::{Envelope, calls};
use crate::{AppState, Error};

/// A body of this size is decoded where it may take its time.
const LARGE_BYTES: usize = 64 * 1024;

/// How many records are stored at a time: while an import goes on, shoppers wait no longer than that takes.
const RECORDS: usize = 1_000;

/// The most lost events that one page is believed, so that nobody can run the counter off the scale.
const MOST_DROPPED: u64 = 1_000_000;

/// Takes a batch and returns what became of its events.
pub async fn batch(collector: &Arc<AppState>, body: Bytes, trust: TrustLevel) -> Result<BatchResponse, Error> {
    let size = body.len();
    let sorted = apart(collector, size, move |collector| {
        let batch = decode::batch(&body)?;
        Ok((sort(collector, &batch.token, batch.events.into_iter(), trust)?, batch.dropped.min(MOST_DROPPED)))
    });
    let (sorted, dropped) = sorted.await?;
    let project = sorted.project;
    let answer = store(collector, sorted).await?;
    if dropped > 0 {
        collector.telemetry.dropped(dropped);
        tracing::warn!(project, dropped, "a page could not keep all events until they were taken");
    }
    Ok(answer)
}

/// Takes the calls of a page that was left before its core had come, and returns what became of their events.
pub async fn calls(collector: &Arc<AppState>, body: Bytes, trust: TrustLevel) -> Result<BatchResponse, Error> {
    let size = body.len();
    let sorted = apart(collector, size, move |collector| {
        let said = decode::calls(&body)?;
        sort(collector, &said.token, said.events.iter().map(|text| RawEvent::new(text)), trust)
    });
    store(collector, sorted.await?).await
}

/// Takes the one event of a front-end endpoint.
pub async fn call(collector: &AppState, call: &calls::Call, body: &[u8], trust: TrustLevel) -> Result<BatchResponse, Error> {
    let envelope = Envelope::read(body)?;
    let project = project(collector, &envelope.token)?.id;
    one(collector, project, call.event(&envelope, body), trust).await
}

/// Takes one event, or the reason why it is none.
pub async fn one(
    collector: &AppState,
    project: i64,
    event: Result<DecodedEvent, RejectedEvent>,
    trust: TrustLevel,
) -> Result<BatchResponse, Error> {
    let good = event.map_err(|refusal| refused(collector, project, refusal))?;
    let mut pack = EncodedBatch::new(collector.clock.millis(), trust);
    pack.push(good.key, &good.event);
    store(collector, Sorted { project, good: pack, bad: Vec::new() }).await
}

/// Takes what a back end tells. Where it tells one thing, that is taken or refused; of many, the good ones are taken.
pub async fn records(
    collector: &Arc<AppState>,
    endpoint: &'static Endpoint,
    body: Bytes,
    digest: Option<String>,
) -> Result<BatchResponse, Error> {
    let size = body.len();
    let (project, told) = apart(collector, size, move |collector| told(collector, endpoint, &body, digest.as_deref())).await?;
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for record in told.records {
        match record {
            Ok(record) => good.push(record),
            Err(refusal) if endpoint.takes_many() => bad.push(refusal),
            Err(refusal) => return Err(refused(collector, project, refusal)),
        }
    }
    let accepted = good.len() as u64;
    while !good.is_empty() {
        let rest = good.split_off(good.len().min(RECORDS));
        collector.store.apply_records(RecordBatch { project, time: told.time, records: std::mem::replace(&mut good, rest) }).await?;
    }
    collector.telemetry.records(accepted);
    Ok(BatchResponse { accepted, duplicates: 0, rejected: report(collector, project, &bad) })
}

/// Runs work on a large body on a thread that may take its time.
async fn apart<T, F>(collector: &Arc<AppState>, size: usize, work: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce(&AppState) -> Result<T, Error> + Send + 'static,
{
    if size < LARGE_BYTES {
        return work(collector);
    }
    let collector = Arc::clone(collector);
    tokio::task::spawn_blocking(move || work(&collector)).await.map_err(|_| Error::Stopping)?
}

struct Sorted {
    project: i64,
    good: EncodedBatch,
    bad: Vec<RejectedEvent>,
}

/// Returns the project with this token, unless it is asked too much of.
fn project(collector: &AppState, token: &str) -> Result<Arc<Project>, Error> {
    let project = collector.projects.find(token).ok_or(Error::UnknownToken)?;
    collector.admission.check_project(project.id)?;
    Ok(project)
}

fn sort<'a>(
    collector: &AppState,
    token: &str,
    events: impl ExactSizeIterator<Item = RawEvent<'a>>,
    trust: TrustLevel,
) -> Result<Sorted, Error> {
    let project = project(collector, token)?.id;
    let good = EncodedBatch::new(collector.clock.millis(), trust).with_capacity(events.len());
    let mut sorted = Sorted { project, good, bad: Vec::new() };
    for event in events {
        match event.read() {
            Ok(incoming) => sorted.good.push(incoming.key, &incoming.event),
            Err(refusal) => sorted.bad.push(refusal),
        }
    }
    Ok(sorted)
}

async fn store(collector: &AppState, sorted: Sorted) -> Result<BatchResponse, Error> {
    let (received_at, trust) = (sorted.good.received_at(), sorted.good.trust());
    let appended = match sorted.good.is_empty() {
        true => Default::default(),
        false => collector.store.append(sorted.project, sorted.good).await?,
    };
    if appended.accepted > 0 {
        collector.telemetry.newest_event_at(received_at);
    }
    collector.telemetry.stored(appended.accepted, appended.duplicates);
    if trust == TrustLevel::Bot {
        collector.telemetry.bot_events(appended.accepted);
    }
    let rejected = report(collector, sorted.project, &sorted.bad);
    Ok(BatchResponse { accepted: appended.accepted, duplicates: appended.duplicates, rejected })
}

/// Who cannot sign learns nothing but that.
fn told(collector: &AppState, endpoint: &Endpoint, body: &[u8], digest: Option<&str>) -> Result<(i64, Told), Error> {
    let envelope = Envelope::read(body)?;
    let project = project(collector, &envelope.token)?;
    match digest {
        Some(digest) if !project.verifies(|secret| is_signed(body, secret, digest)) => return Err(Error::WrongDigest),
        None if !endpoint.open => return Err(Error::MissingDigest),
        _ => {}
    }
    let told = endpoint.read(&envelope).map_err(|reason| {
        let refusal = RejectedEvent { id: None, kind: None, time: None, reason };
        refused(collector, project.id, refusal)
    })?;
    Ok((project.id, told))
}

/// Tells whoever watches of what was refused, and returns what the sender is told.
fn report(collector: &AppState, project: i64, bad: &[RejectedEvent]) -> Vec<tillroll_protocol::batch::Rejection> {
    for refusal in bad {
        collector.telemetry.rejected(refusal.reason.code());
        collector.rejections.reject(project, refusal);
    }
    bad.iter().map(RejectedEvent::rejection).collect()
}

fn refused(collector: &AppState, project: i64, refusal: RejectedEvent) -> Error {
    report(collector, project, std::slice::from_ref(&refusal));
    Error::Rejected(refusal.reason)
}
