//! Lines of JSON that an owner brings: resource an export has printed, and orders, carts and returns as a search shows them.
//!
//! A line is taken or refused by itself, so a bad one never costs its neighbours. The route and the command line share this, so both take
//! the same lines and say the same of them.

mod parse_line;

use bytes::Bytes;
use serde::Serialize;

use crate::Error;
use crate::decode::DecodedEvent;
use crate::resource::Resource;
use crate::store::{BackendRecord, EncodedBatch, ImportedRecord, RecordBatch, Store, TrustLevel};

/// How many things are stored in one transaction: shoppers wait no longer than that takes.
const PART: usize = 1_000;

/// Resource became of the lines.
#[derive(Debug, Default, Serialize)]
pub struct Answer {
    /// How many were taken.
    pub accepted: usize,
    /// Which were not.
    pub rejected: Vec<Rejected>,
    /// How many were taken without something in them that nobody knows.
    pub ignored: usize,
    /// How many of those taken are events that were there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<u64>,
}

/// A line that was not taken.
#[derive(Debug, Serialize)]
pub struct Rejected {
    /// Its number, from 1.
    pub line: usize,
    /// Why, for programs.
    pub code: &'static str,
    /// Why, for people.
    pub message: String,
}

/// A line that was read.
enum Line {
    Event(TrustLevel, Box<DecodedEvent>),
    Told(BackendRecord),
    Whole(ImportedRecord),
}

/// Takes lines, and returns once resource was accepted is safe on disk. What lists say counts as said by the owner at `now`.
pub async fn take(store: &Store, project: i64, resource: Resource, now: u64, body: Bytes) -> Result<Answer, Error> {
    let read = tokio::task::spawn_blocking(move || read(resource, &body));
    let (mut lines, mut answer) = read.await.map_err(|_| Error::Stopping)?;
    refuse_kept(store, project, resource, &mut lines, &mut answer).await?;
    answer.accepted = lines.len();
    let (mut told, mut whole, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for (_, line) in lines {
        match line {
            Line::Event(trust, event) => events.push((trust, *event)),
            Line::Told(record) => told.push(record),
            Line::Whole(record) => whole.push(record),
        }
    }
    for records in parts(told) {
        store.apply_records(RecordBatch { project, time: now, records }).await?;
    }
    for records in parts(whole) {
        store.import(project, records).await?;
    }
    if resource == Resource::Events {
        answer.duplicates = Some(append(store, project, now, events).await?);
    }
    Ok(answer)
}

/// Events go in in their order. Those of one request have one trust, so a run of them is a request.
async fn append(store: &Store, project: i64, now: u64, events: Vec<(TrustLevel, DecodedEvent)>) -> Result<u64, Error> {
    let mut duplicates = 0;
    let mut events = events.into_iter().peekable();
    while let Some((trust, first)) = events.next() {
        let mut run = EncodedBatch::new(now, trust);
        run.push(first.key, &first.event);
        while run.len() < PART
            && let Some((_, next)) = events.next_if(|(next, _)| *next == trust)
        {
            run.push(next.key, &next.event);
        }
        duplicates += store.append(project, run).await?.duplicates;
    }
    Ok(duplicates)
}

/// A cart or a return that follows from events in the log would be there twice.
async fn refuse_kept(
    store: &Store,
    project: i64,
    resource: Resource,
    lines: &mut Vec<(usize, Line)>,
    answer: &mut Answer,
) -> Result<(), Error> {
    if !matches!(resource, Resource::Carts | Resource::Returns) {
        return Ok(());
    }
    let id = |line: &Line| if let Line::Whole(record) = line { Some(record.id.clone()) } else { None };
    let ids = lines.iter().filter_map(|(_, line)| id(line)).collect();
    let kept = store.derived_ids(project, resource, ids).await?;
    lines.retain(|(line, read)| {
        let is_kept = id(read).is_some_and(|id| kept.contains(&id));
        if is_kept {
            let message = "`id` is of one that the events in the log tell of; it is there already".to_owned();
            answer.rejected.push(Rejected { line: *line, code: "kept_by_events", message });
        }
        !is_kept
    });
    answer.rejected.sort_by_key(|rejected| rejected.line);
    Ok(())
}

/// Reads lines, each with its number.
fn read(resource: Resource, body: &[u8]) -> (Vec<(usize, Line)>, Answer) {
    let (mut lines, mut answer) = (Vec::new(), Answer::default());
    // Some programs put the sign of UTF-8 before everything that they write.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    for (line, text) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        match parse_line::read(resource, text) {
            Ok((read, ignored)) => {
                lines.push((line, read));
                answer.ignored += usize::from(ignored);
            }
            Err((code, message)) => answer.rejected.push(Rejected { line, code, message }),
        }
    }
    (lines, answer)
}

/// Reads lines and forgets them, which is enough to see that no line does harm.
pub fn look_through(resource: Resource, body: &[u8]) -> Answer {
    let (lines, mut answer) = read(resource, body);
    answer.accepted = lines.len();
    answer
}

fn parts<T>(mut all: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    std::iter::from_fn(move || {
        let rest = all.split_off(all.len().min(PART));
        Some(std::mem::replace(&mut all, rest)).filter(|part| !part.is_empty())
    })
}
