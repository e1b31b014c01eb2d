//! Imports lines of JSON from the owner of a project: the lines of an export, and orders, carts and returns in the format of a metrics
//! search.
//!
//! Each line is accepted or rejected by itself. The HTTP route and the command line share this code, so both accept the same lines.

mod parse_line;

use bytes::Bytes;
use serde::Serialize;

use crate::decode::DecodedEvent;
use crate::resource::Resource;
use crate::store::{BackendRecord, EncodedBatch, ImportedRecord, RecordBatch, Store, StoreError, TrustLevel};

/// How many records one transaction stores. Requests of shoppers wait that long.
const TX_BATCH: usize = 1_000;

/// The result of an import.
#[derive(Debug, Default, Serialize)]
pub struct ImportResponse {
    /// How many lines were accepted.
    pub accepted: usize,
    /// The rejected lines.
    pub rejected: Vec<RejectedLine>,
    /// How many accepted lines have unknown fields, which were ignored.
    pub ignored: usize,
    /// How many accepted lines are events that were stored already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<u64>,
}

/// A rejected line.
#[derive(Debug, Serialize)]
pub struct RejectedLine {
    /// The number of the line, from 1.
    pub line: usize,
    /// The machine-readable reason.
    pub code: &'static str,
    /// The reason for people.
    pub message: String,
}

/// Why an import failed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The collector is stopping.
    #[error("the collector is stopping")]
    Stopping,
}

/// A valid line.
enum Line {
    /// An event, and the trust level of its original sender.
    Event(TrustLevel, Box<DecodedEvent>),
    /// An update of some fields of a record.
    Fields(BackendRecord),
    /// A whole order, cart or return.
    Document(ImportedRecord),
}

/// Imports lines, and returns when all accepted ones are durable. Updates of fields count as sent by the owner at `now`.
pub async fn import(store: &Store, project: i64, resource: Resource, now: u64, body: Bytes) -> Result<ImportResponse, ImportError> {
    let parsed = tokio::task::spawn_blocking(move || parse(resource, &body));
    let (mut lines, mut response) = parsed.await.map_err(|_| ImportError::Stopping)?;
    reject_derived(store, project, resource, &mut lines, &mut response).await?;
    response.accepted = lines.len();
    let (mut records, mut documents, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for (_, line) in lines {
        match line {
            Line::Event(trust, event) => events.push((trust, *event)),
            Line::Fields(record) => records.push(record),
            Line::Document(document) => documents.push(document),
        }
    }
    for records in batches(records) {
        store.apply_records(RecordBatch { project, time: now, records }).await?;
    }
    for documents in batches(documents) {
        store.import(project, documents).await?;
    }
    if resource == Resource::Events {
        response.duplicates = Some(append(store, project, now, events).await?);
    }
    Ok(response)
}

/// Stores events in their order. A batch has one trust level, so each run of events with the same level is one batch.
async fn append(store: &Store, project: i64, now: u64, events: Vec<(TrustLevel, DecodedEvent)>) -> Result<u64, StoreError> {
    let mut duplicates = 0;
    let mut events = events.into_iter().peekable();
    while let Some((trust, first)) = events.next() {
        let mut batch = EncodedBatch::new(now, trust);
        batch.push(first.key, &first.event);
        while batch.len() < TX_BATCH
            && let Some((_, next)) = events.next_if(|(next, _)| *next == trust)
        {
            batch.push(next.key, &next.event);
        }
        duplicates += store.append(project, batch).await?.duplicates;
    }
    Ok(duplicates)
}

/// Rejects carts and returns that the store derives from events; they would exist twice.
async fn reject_derived(
    store: &Store,
    project: i64,
    resource: Resource,
    lines: &mut Vec<(usize, Line)>,
    response: &mut ImportResponse,
) -> Result<(), StoreError> {
    if !matches!(resource, Resource::Carts | Resource::Returns) {
        return Ok(());
    }
    let id = |line: &Line| if let Line::Document(document) = line { Some(document.id.clone()) } else { None };
    let ids = lines.iter().filter_map(|(_, line)| id(line)).collect();
    let derived = store.derived_ids(project, resource, ids).await?;
    lines.retain(|(number, line)| {
        let is_derived = id(line).is_some_and(|id| derived.contains(&id));
        if is_derived {
            let message = "`id` already exists, derived from events".to_owned();
            response.rejected.push(RejectedLine { line: *number, code: "kept_by_events", message });
        }
        !is_derived
    });
    response.rejected.sort_by_key(|rejected| rejected.line);
    Ok(())
}

/// Parses lines, each with its number.
fn parse(resource: Resource, body: &[u8]) -> (Vec<(usize, Line)>, ImportResponse) {
    let (mut lines, mut response) = (Vec::new(), ImportResponse::default());
    // Some programs write a UTF-8 byte order mark first.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    for (number, text) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        match parse_line::parse(resource, text) {
            Ok((line, is_partly_ignored)) => {
                lines.push((number, line));
                response.ignored += usize::from(is_partly_ignored);
            }
            Err((code, message)) => response.rejected.push(RejectedLine { line: number, code, message }),
        }
    }
    (lines, response)
}

/// Parses lines without storing them.
pub fn validate(resource: Resource, body: &[u8]) -> ImportResponse {
    let (lines, mut response) = parse(resource, body);
    response.accepted = lines.len();
    response
}

fn batches<T>(mut all: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    std::iter::from_fn(move || {
        let rest = all.split_off(all.len().min(TX_BATCH));
        Some(std::mem::replace(&mut all, rest)).filter(|batch| !batch.is_empty())
    })
}
