//! Imports lines of JSON from the owner of a project: the lines of an export, and orders, carts and returns in the format of a metrics
//! search.
//!
//! Each line is accepted or rejected by itself. The HTTP route and the command line share this code, so both accept the same lines.

mod parse_line;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use memchr::{memchr, memchr_iter};
use serde::Serialize;
use tillroll_protocol::limits;
use tillroll_protocol::receipt::Receipt;

use crate::addresses::ProjectAddresses;
use crate::decode::rejection::RejectReason;
use crate::decode::{DecodedEvent, replace_lone_surrogates};
use crate::resource::Resource;
use crate::sources::Client;
use crate::store::{BackendRecord, EncodedBatch, ImportedRecord, Queued, RecordBatch, Store, StoreError, TrustLevel};

/// How many bytes of lines are parsed and stored at a time. Each part is a commit, which costs about the same whatever its size.
const PART_BYTES: usize = 512 * limits::KIB;

/// How many parts with documents wait for the disk while the next one is parsed. Those that wait together share a commit.
const MAX_STORING_PARTS: usize = 4;

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

/// A valid line.
enum Line {
    /// An event, and its original sender.
    Event(Sender, Box<DecodedEvent>),
    /// An update of some fields of a record.
    Fields(BackendRecord),
    /// A whole order, cart or return.
    Document(ImportedRecord),
}

/// The original sender of an event: the trust level, the device and the country.
type Sender = (TrustLevel, Client);

/// The project into which lines are imported.
#[derive(Clone, Debug)]
pub struct Target {
    /// The project's number in the store.
    pub project: i64,
    /// The rules for addresses of pages.
    pub addresses: Arc<ProjectAddresses>,
    /// The currency of amounts without one; empty if there is none.
    pub currency: String,
}

/// Returns the body in parts of whole lines, so that the memory for parsed lines does not grow with the body.
fn parts(body: Bytes) -> impl Iterator<Item = Bytes> {
    // Some programs write a UTF-8 byte order mark first.
    let mut rest = if body.starts_with(b"\xef\xbb\xbf") { body.slice(3..) } else { body };
    std::iter::from_fn(move || {
        let end = rest.get(PART_BYTES..).and_then(|behind| memchr(b'\n', behind)).map_or(rest.len(), |at| PART_BYTES + at + 1);
        Some(rest.split_to(end)).filter(|part| !part.is_empty())
    })
}

/// An import of lines that arrive in parts. Updates of fields count as sent by the owner at `now`.
#[derive(Debug)]
pub struct Import {
    target: Target,
    resource: Resource,
    now: u64,
    response: ImportResponse,
    /// The lines of the parts that were stored.
    lines_before: usize,
    /// The parts that are being stored.
    storing: VecDeque<Queued>,
}

/// Parses the lines of a part.
pub struct Parser {
    addresses: Arc<ProjectAddresses>,
    currency: String,
    resource: Resource,
    now: u64,
    part: Bytes,
}

impl Parser {
    /// Returns how many bytes the part has.
    pub fn part_bytes(&self) -> usize {
        self.part.len()
    }

    /// Parses the lines.
    pub fn run(self) -> ParsedLines {
        let receipt = Receipt::of_server(self.now).with_addresses(&*self.addresses).with_currency(&self.currency);
        parse(self.resource, &replace_lone_surrogates(self.part), &receipt)
    }
}

/// The parsed lines of a part.
pub struct ParsedLines {
    lines: Vec<(usize, Line)>,
    response: ImportResponse,
    count: usize,
}

impl Import {
    /// Begins an import.
    pub fn new(target: Target, resource: Resource, now: u64) -> Self {
        let duplicates = (resource == Resource::Events).then_some(0);
        Self {
            target,
            resource,
            now,
            response: ImportResponse { duplicates, ..ImportResponse::default() },
            lines_before: 0,
            storing: VecDeque::new(),
        }
    }

    /// Imports the lines of a body. `parse` runs a parser, which may be on another thread, and each part is parsed while those before it are
    /// stored.
    pub async fn run<P, E>(mut self, store: &Store, body: Bytes, mut parse: impl FnMut(Parser) -> P) -> Result<ImportResponse, E>
    where
        P: Future<Output = Result<ParsedLines, E>>,
        E: From<StoreError>,
    {
        let mut parsed = None;
        for part in parts(body) {
            let Target { addresses, currency, .. } = self.target.clone();
            let parser = Parser { addresses, currency, resource: self.resource, now: self.now, part };
            let store_previous = async { self.store(store, parsed.take()).await.map_err(E::from) };
            let (next, ()) = tokio::try_join!(parse(parser), store_previous)?;
            parsed = Some(next);
        }
        self.store(store, parsed).await?;
        self.wait_until_storing(0).await?;
        Ok(self.response)
    }

    /// Waits until at most this many parts are being stored.
    async fn wait_until_storing(&mut self, count: usize) -> Result<(), StoreError> {
        while self.storing.len() > count
            && let Some(oldest) = self.storing.pop_front()
        {
            oldest.stored().await?;
        }
        Ok(())
    }

    /// Stores a part. Records and events are durable when it returns; documents are being stored.
    async fn store(&mut self, store: &Store, parsed: Option<ParsedLines>) -> Result<(), StoreError> {
        let Some(ParsedLines { mut lines, mut response, count }) = parsed else { return Ok(()) };
        let (project, now) = (self.target.project, self.now);
        reject_derived(store, project, self.resource, &mut lines, &mut response).await?;
        response.accepted = lines.len();
        let (mut records, mut documents, mut events) = (Vec::new(), Vec::new(), Vec::new());
        let mut record_lines = Vec::new();
        for (number, line) in lines {
            match line {
                Line::Event(sender, event) => events.push((sender, *event)),
                Line::Fields(record) => {
                    record_lines.push(number);
                    records.push(record);
                }
                Line::Document(document) => documents.push(document),
            }
        }
        if !records.is_empty() || !events.is_empty() {
            // Lines are stored in their order.
            self.wait_until_storing(0).await?;
        }
        for place in store.import_fields(RecordBatch { project, time: now, trust: TrustLevel::Owner, records }).await? {
            let reason = RejectReason::TOO_MANY_TAGS;
            response.accepted -= 1;
            response.rejected.push(RejectedLine { line: record_lines[place], code: reason.code(), message: reason.to_string() });
        }
        response.rejected.sort_by_key(|rejected| rejected.line);
        self.wait_until_storing(MAX_STORING_PARTS - 1).await?;
        self.storing.push_back(store.import(project, documents)?);
        response.duplicates = Some(append(store, project, now, events).await?);
        self.response.add(response, self.lines_before);
        self.lines_before += count;
        Ok(())
    }
}

impl ImportResponse {
    /// Adds the result of a part that has this many lines before it.
    fn add(&mut self, part: Self, lines_before: usize) {
        self.accepted += part.accepted;
        self.ignored += part.ignored;
        self.duplicates = self.duplicates.map(|duplicates| duplicates + part.duplicates.unwrap_or_default());
        self.rejected.extend(part.rejected.into_iter().map(|rejected| RejectedLine { line: lines_before + rejected.line, ..rejected }));
    }
}

/// Stores events in their order. A batch has one sender, so each run of events with the same sender is one batch.
async fn append(store: &Store, project: i64, now: u64, events: Vec<(Sender, DecodedEvent)>) -> Result<u64, StoreError> {
    let mut batches = Vec::new();
    let mut events = events.into_iter().peekable();
    while let Some((sender, first)) = events.next() {
        let (trust, client) = sender;
        let mut batch = EncodedBatch::new(now, trust).with_client(client);
        batch.push(first.key, &first.event);
        while !batch.is_full()
            && let Some((_, next)) = events.next_if(|(next, _)| *next == sender)
        {
            batch.push(next.key, &next.event);
        }
        batches.push(batch);
    }
    Ok(store.append_all(project, batches).await?.duplicates)
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
fn parse(resource: Resource, part: &[u8], receipt: &Receipt<'_>) -> ParsedLines {
    let (mut lines, mut response, mut count) = (Vec::new(), ImportResponse::default(), 0);
    // The end of the last line begins no line.
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    let mut start = 0;
    for end in memchr_iter(b'\n', part).chain([part.len()]) {
        let text = &part[start..end];
        (start, count) = (end + 1, count + 1);
        if text.trim_ascii().is_empty() {
            continue;
        }
        match parse_line::parse(resource, text, receipt) {
            Ok((line, is_partly_ignored)) => {
                lines.push((count, line));
                response.ignored += usize::from(is_partly_ignored);
            }
            Err((code, message)) => response.rejected.push(RejectedLine { line: count, code, message }),
        }
    }
    ParsedLines { lines, response, count }
}

/// Parses lines without storing them.
pub fn validate(resource: Resource, body: &[u8]) -> ImportResponse {
    let mut response = ImportResponse::default();
    let mut lines_before = 0;
    for part in parts(Bytes::copy_from_slice(body)) {
        let parsed = parse(resource, &part, &Receipt::of_server(limits::MAX_TIME_MS));
        let accepted = parsed.lines.len();
        response.add(ImportResponse { accepted, ..parsed.response }, lines_before);
        lines_before += parsed.count;
    }
    response
}
