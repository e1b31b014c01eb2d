//! The ingest pipeline: decode, store, acknowledge.
//!
//! An event is acknowledged, and subscribers learn of rejections, only after the valid events of its request are durable.

use std::sync::Arc;

use bytes::Bytes;
use tillroll_protocol::apis;
use tillroll_protocol::batch_response::{BatchResponse, Rejection};
use tillroll_protocol::receipt::Receipt;

use crate::addresses::RememberedAddresses;
use crate::auth::basic::Sender;
use crate::cancellation::Cancellation;
use crate::decode::rejection::{RejectReason, RejectedEvent};
use crate::decode::{self, DecodedEvent, Text};
use crate::limits::client_key::ClientKey;
use crate::projects::Project;
use crate::store::{Appended, BackendRecord, EncodedBatch, RecordBatch, TrustLevel};
use crate::{AppState, Error};

/// From this size on a body is decoded on a thread for expensive work.
pub(crate) const LARGE_BODY_BYTES: usize = 64 * 1024;

/// The most lost events that one request can report, so that no client can inflate the counter.
const MAX_DROPPED: u64 = 1_000_000;

/// Ingests the body of `POST /v2/batch`.
pub(crate) async fn batch(state: &Arc<AppState>, client: ClientKey, body: Bytes, sender: Sender) -> Result<BatchResponse, Error> {
    let decoded = offload_if_large(state, client, body.len(), move |state, cancellation| {
        let body = decode::replace_lone_surrogates(body);
        let batch = decode::batch(&body)?;
        let project = find_project(state, &batch.token)?;
        let rule = state.addresses.of(&project.credentials.token);
        let addresses = RememberedAddresses::new(&*rule);
        let receipt = Receipt::of_page(state.clock.millis(), batch.sent_at)
            .with_addresses(&addresses)
            .with_currency(state.currency(&project.credentials.token));
        let mut decoded = DecodedEvents::new(&receipt, project.id, sender);
        decoded.valid.reserve(batch.events.len());
        decoded.dropped = batch.dropped;
        for event in batch.events.into_iter().take_while(|_| !cancellation.is_cancelled()) {
            decoded.push(event.decode(&receipt));
        }
        Ok(decoded)
    });
    store_events(state, decoded.await?).await
}

/// Ingests the body of `POST /v2/calls`. The token is checked before the rest of the body is read.
pub(crate) async fn calls(state: &Arc<AppState>, client: ClientKey, body: Bytes, sender: Sender) -> Result<BatchResponse, Error> {
    let project = find_project(state, decode::calls_token(&body)?)?;
    let decoded = offload_if_large(state, client, body.len(), move |state, cancellation| {
        let calls = decode::calls(&body)?;
        let rule = state.addresses.of(&project.credentials.token);
        let addresses = RememberedAddresses::new(&*rule);
        let receipt = Receipt::of_page(state.clock.millis(), calls.sent_at)
            .with_addresses(&addresses)
            .with_currency(state.currency(&project.credentials.token));
        let mut decoded = DecodedEvents::new(&receipt, project.id, sender);
        decoded.dropped = calls.dropped;
        decode::call_events(calls, &receipt, |event| {
            decoded.push(event);
            !cancellation.is_cancelled()
        })?;
        Ok(decoded)
    });
    store_events(state, decoded.await?).await
}

/// Returns the event of a request that carries one event, ready to be stored; if it is rejected, so is the request. `receipt` is the one that
/// the event was decoded with.
pub fn single_event(
    state: &AppState,
    project: i64,
    receipt: &Receipt<'_>,
    event: Result<DecodedEvent, RejectedEvent>,
    sender: Sender,
) -> Result<DecodedEvents, Error> {
    let event = event.map_err(|rejected| reject(state, project, rejected))?;
    let mut decoded = DecodedEvents::new(receipt, project, sender);
    decoded.valid.push(event.key, &event.event);
    Ok(decoded)
}

/// Ingests records of a shop's server for a project, and adds the result to a response. `time` is the sender's, corrected, in milliseconds since
/// 1970. In a request that holds many records, a rejected one does not affect the others.
pub async fn records(
    state: &AppState,
    (project, time, trust): (i64, u64, TrustLevel),
    records: Vec<Result<BackendRecord, RejectedEvent>>,
    has_many: bool,
    response: &mut BatchResponse,
) -> Result<(), Error> {
    let (mut valid, mut rejected) = (Vec::new(), Vec::new());
    for record in records {
        match record {
            Ok(record) => valid.push(record),
            Err(rejection) if has_many => rejected.push(rejection),
            Err(rejection) => return Err(reject(state, project, rejection)),
        }
    }
    let mut accepted = valid.len();
    if accepted > 0 {
        let named: Vec<_> = valid.iter().map(|record| record.id.clone()).collect();
        let refused = state.store.apply_records(RecordBatch { project, time, trust, records: valid }).await?;
        accepted -= refused.len();
        let rejection = |place: usize| RejectedEvent {
            id: named.get(place).cloned(),
            kind: Some("customer".into()),
            time: Some(time),
            reason: RejectReason::TOO_MANY_TAGS,
        };
        rejected.extend(refused.into_iter().map(rejection));
    }
    if !has_many && let Some(rejection) = rejected.pop() {
        return Err(reject(state, project, rejection));
    }
    let accepted = accepted as u64;
    state.telemetry.records(accepted);
    response.accepted += accepted;
    response.rejected.extend(report(state, project, &rejected));
    Ok(())
}

/// Runs `work` on a thread for expensive work if the body is large. There it waits for the client's turn, and is cancelled if the client
/// disconnects; the result of cancelled work is dropped. A page that closes sends small bodies, which are always stored.
pub(crate) async fn offload_if_large<T, F>(state: &Arc<AppState>, client: ClientKey, body_bytes: usize, work: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce(&AppState, &Cancellation) -> Result<T, Error> + Send + 'static,
{
    if body_bytes < LARGE_BODY_BYTES {
        return work(state, &Cancellation::default());
    }
    let own = Arc::clone(state);
    state.admission.work.run(client, move |cancellation| work(&own, cancellation)).await?
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

/// The events of one request, ready to be stored.
pub struct DecodedEvents {
    project: i64,
    valid: EncodedBatch,
    /// The batches before `valid`.
    full: Vec<EncodedBatch>,
    rejected: Vec<RejectedEvent>,
    /// How many events the page reports as lost.
    dropped: u64,
}

impl DecodedEvents {
    fn new(receipt: &Receipt<'_>, project: i64, sender: Sender) -> Self {
        let valid = EncodedBatch::new(receipt.received_at(), sender.trust).with_client(sender.client);
        Self { project, valid, full: Vec::new(), rejected: Vec::new(), dropped: 0 }
    }

    /// Adds an event of a page. The events of the headless API have an endpoint of their own, which checks the secret.
    fn push(&mut self, event: Result<DecodedEvent<Text<'_>>, RejectedEvent>) {
        match event {
            Ok(event) if event.event.api == apis::HEADLESS => self.rejected.push(RejectedEvent {
                id: Some(event.key.to_string()),
                kind: Some(event.event.kind.to_string()),
                time: Some(event.event.time),
                reason: RejectReason::HeadlessFromPage,
            }),
            Ok(event) => {
                if self.valid.is_full() {
                    let next = self.valid.next();
                    self.full.push(std::mem::replace(&mut self.valid, next));
                }
                self.valid.push(event.key, &event.event);
            }
            Err(rejected) => self.rejected.push(rejected),
        }
    }
}

/// Stores the events of a request, and returns its response.
pub async fn store_events(state: &AppState, decoded: DecodedEvents) -> Result<BatchResponse, Error> {
    let (received_at, trust) = (decoded.valid.received_at(), decoded.valid.trust());
    let mut batches = decoded.full;
    batches.extend(Some(decoded.valid).filter(|batch| !batch.is_empty()));
    let appended = if batches.is_empty() { Appended::default() } else { state.store.append_all(decoded.project, batches).await? };
    if appended.accepted > 0 {
        state.telemetry.newest_event_at(received_at);
    }
    state.telemetry.stored(appended.accepted, appended.duplicates);
    if trust == TrustLevel::Bot {
        state.telemetry.bot_events(appended.accepted);
    }
    let dropped = decoded.dropped.min(MAX_DROPPED);
    if dropped > 0 {
        state.telemetry.dropped(dropped);
        state.dropped_reports.add(decoded.project, dropped);
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
