//! The ingest pipeline: decode, store, acknowledge.
//!
//! An event is acknowledged, and subscribers learn of rejections, only after the valid events of its request are durable.

use std::sync::Arc;

use bytes::Bytes;
use tillroll_protocol::batch::{BatchResponse, Rejection};

use crate::decode::rejection::RejectedEvent;
use crate::decode::{self, DecodedEvent};
use crate::projects::Project;
use crate::store::{BackendRecord, EncodedBatch, RecordBatch, TrustLevel};
use crate::{AppState, Error};

/// From this size on a body is decoded on a thread for blocking work.
const LARGE_BODY_BYTES: usize = 64 * 1024;

/// How many backend records one transaction stores: during an import, other requests wait for one such transaction at most.
const TX_RECORDS: usize = 1_000;

/// The most lost events that one request can report, so that no client can inflate the counter.
const MAX_DROPPED: u64 = 1_000_000;

/// Ingests the body of `POST /v2/batch`.
pub async fn batch(state: &Arc<AppState>, body: Bytes, trust: TrustLevel) -> Result<BatchResponse, Error> {
    let decoded = offload_if_large(state, body.len(), move |state| {
        let batch = decode::batch(&body)?;
        Ok((decode_events(state, &batch.token, batch.events.into_iter(), trust)?, batch.dropped.min(MAX_DROPPED)))
    });
    let (decoded, dropped) = decoded.await?;
    let project = decoded.project;
    let response = store_events(state, decoded).await?;
    if dropped > 0 {
        state.telemetry.dropped(dropped);
        tracing::warn!(project, dropped, "a page dropped events before it could send them");
    }
    Ok(response)
}

/// Ingests the body of `POST /v2/calls`.
pub async fn calls(state: &Arc<AppState>, body: Bytes, trust: TrustLevel) -> Result<BatchResponse, Error> {
    let decoded = offload_if_large(state, body.len(), move |state| {
        let calls = decode::calls(&body)?;
        decode_events(state, &calls.token, calls.events.iter().map(String::as_str), trust)
    });
    store_events(state, decoded.await?).await
}

/// Ingests the event of a request that carries one event.
pub async fn ingest_event(
    state: &AppState,
    project: i64,
    event: Result<DecodedEvent, RejectedEvent>,
    trust: TrustLevel,
) -> Result<BatchResponse, Error> {
    let event = event.map_err(|rejected| reject(state, project, rejected))?;
    let mut events = EncodedBatch::new(state.clock.millis(), trust);
    events.push(event.key, &event.event);
    store_events(state, DecodedEvents { project, valid: events, rejected: Vec::new() }).await
}

/// Ingests the records of a shop's server. `time` is the sender's, in milliseconds since 1970. In a request that holds many records, a
/// rejected one does not affect the others.
pub async fn records(
    state: &AppState,
    project: i64,
    time: u64,
    records: Vec<Result<BackendRecord, RejectedEvent>>,
    has_many: bool,
) -> Result<BatchResponse, Error> {
    let (mut valid, mut rejected) = (Vec::new(), Vec::new());
    for record in records {
        match record {
            Ok(record) => valid.push(record),
            Err(rejection) if has_many => rejected.push(rejection),
            Err(rejection) => return Err(reject(state, project, rejection)),
        }
    }
    let accepted = valid.len() as u64;
    while !valid.is_empty() {
        let rest = valid.split_off(valid.len().min(TX_RECORDS));
        state.store.apply_records(RecordBatch { project, time, records: std::mem::replace(&mut valid, rest) }).await?;
    }
    state.telemetry.records(accepted);
    Ok(BatchResponse { accepted, duplicates: 0, rejected: report(state, project, &rejected) })
}

/// Runs `work` on a thread for blocking work if the body is large.
pub async fn offload_if_large<T, F>(state: &Arc<AppState>, body_bytes: usize, work: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce(&AppState) -> Result<T, Error> + Send + 'static,
{
    if body_bytes < LARGE_BODY_BYTES {
        return work(state);
    }
    let state = Arc::clone(state);
    tokio::task::spawn_blocking(move || work(&state)).await.map_err(|_| Error::Stopping)?
}

/// Returns the project of a token, unless the project exceeds its rate limit.
pub fn find_project(state: &AppState, token: &str) -> Result<Arc<Project>, Error> {
    let project = state.projects.find(token).ok_or(Error::UnknownToken)?;
    state.admission.check_project(project.id)?;
    Ok(project)
}

/// Reports the rejection of a request's only event and returns the request's error.
pub fn reject(state: &AppState, project: i64, rejected: RejectedEvent) -> Error {
    report(state, project, std::slice::from_ref(&rejected));
    Error::Rejected(rejected.reason)
}

/// The events of one request.
struct DecodedEvents {
    project: i64,
    valid: EncodedBatch,
    rejected: Vec<RejectedEvent>,
}

fn decode_events<'a>(
    state: &AppState,
    token: &str,
    events: impl ExactSizeIterator<Item = &'a str>,
    trust: TrustLevel,
) -> Result<DecodedEvents, Error> {
    let project = find_project(state, token)?.id;
    let valid = EncodedBatch::new(state.clock.millis(), trust).with_capacity(events.len());
    let mut decoded = DecodedEvents { project, valid, rejected: Vec::new() };
    for text in events {
        match decode::event(text) {
            Ok(event) => decoded.valid.push(event.key, &event.event),
            Err(rejected) => decoded.rejected.push(rejected),
        }
    }
    Ok(decoded)
}

async fn store_events(state: &AppState, decoded: DecodedEvents) -> Result<BatchResponse, Error> {
    let (received_at, trust) = (decoded.valid.received_at(), decoded.valid.trust());
    let appended = match decoded.valid.is_empty() {
        true => Default::default(),
        false => state.store.append(decoded.project, decoded.valid).await?,
    };
    if appended.accepted > 0 {
        state.telemetry.newest_event_at(received_at);
    }
    state.telemetry.stored(appended.accepted, appended.duplicates);
    if trust == TrustLevel::Bot {
        state.telemetry.bot_events(appended.accepted);
    }
    let rejected = report(state, decoded.project, &decoded.rejected);
    Ok(BatchResponse { accepted: appended.accepted, duplicates: appended.duplicates, rejected })
}

/// Counts and publishes rejections, and returns them as the sender receives them.
fn report(state: &AppState, project: i64, rejected: &[RejectedEvent]) -> Vec<Rejection> {
    for event in rejected {
        state.telemetry.rejected(event.reason.code());
        state.rejections.publish(project, event);
    }
    rejected.iter().map(RejectedEvent::rejection).collect()
}
