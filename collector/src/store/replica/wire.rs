//! The forms in which tasks travel through the log. A released form is never changed: a new one gets a new variant or a new version.
//!
//! An event is in the entry once, as the log of the store has it. What the writing thread needs of it besides is derived from that.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::resource::Resource;
use crate::sources::Client;
use crate::store::erasure::apply::FinishErasure;
use crate::store::erasure::search::Match;
use crate::store::group_files::FileChange;
use crate::store::imports::{ImportedRecord, RecordKey};
use crate::store::log::append::AppendRequest;
use crate::store::log::batch::EncodedBatch;
use crate::store::state::person::Person;
use crate::store::state::records::{BackendRecord, RecordBatch};
use crate::store::subject::Subject;
use crate::store::tasks::Task;
use crate::store::trust::TrustLevel;

/// From this number of records on, an erasure lets each node search them, so that the entry stays small.
const MAX_ERASURE_KEYS: usize = 2_000;

/// A task in an entry.
#[derive(Serialize, Deserialize)]
pub(super) enum WireTask<'a> {
    #[serde(borrow)]
    Append(WireBatch<'a>),
    #[serde(borrow)]
    ApplyRecords(WireRecords<'a>),
    #[serde(borrow)]
    Import((i64, Vec<WireImport<'a>>)),
    #[serde(borrow)]
    DeleteEvents((i64, Vec<WireMatch<'a>>)),
    #[serde(borrow)]
    FinishErasure(WireErasure<'a>),
    Trim(u64, u64),
    AddProject(&'a str),
    #[serde(borrow)]
    ChangeFile(WireFile<'a>),
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireBatch<'a> {
    project: i64,
    received_at: u64,
    trust: u8,
    client: u32,
    /// The start of each frame in `bytes`, and the number of its slots.
    #[serde(borrow)]
    frames: Cow<'a, [(usize, u8)]>,
    #[serde(serialize_with = "as_bytes")]
    bytes: &'a [u8],
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireRecords<'a> {
    project: i64,
    time: u64,
    trust: u8,
    #[serde(borrow)]
    records: Vec<WireRecord<'a>>,
}

#[derive(Serialize, Deserialize)]
struct WireRecord<'a> {
    resource: &'a str,
    id: &'a str,
    /// Each value is a JSON text.
    #[serde(borrow)]
    fields: Vec<(&'a str, Cow<'a, str>)>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireImport<'a> {
    resource: &'a str,
    id: &'a str,
    email: Option<&'a str>,
    json: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireMatch<'a> {
    seq: i64,
    id: [u8; 16],
    is_own: bool,
    #[serde(borrow)]
    other_person: Option<WirePerson<'a>>,
}

#[derive(Serialize, Deserialize)]
enum WirePerson<'a> {
    Email(&'a str),
    Visitor(&'a str),
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireErasure<'a> {
    project: i64,
    email: &'a str,
    after: i64,
    #[serde(borrow)]
    keys: Vec<(&'a str, &'a str)>,
    change: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireFile<'a> {
    name: &'a str,
    replaces: u64,
    #[serde(serialize_with = "as_bytes")]
    sealed: &'a [u8],
}

fn as_bytes<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// Returns the form of a task, or None for a task that concerns only the store of one node.
pub(super) fn to_wire(task: &Task) -> Option<WireTask<'_>> {
    Some(match task {
        Task::Append(AppendRequest { project, batch }) => {
            let (frames, bytes) = batch.parts();
            let trust = trust_number(batch.trust());
            let client = batch.client().number();
            WireTask::Append(WireBatch { project: *project, received_at: batch.received_at(), trust, client, frames: frames.into(), bytes })
        }
        // Other nodes apply both in the same way.
        Task::ApplyRecords(batch) | Task::ImportFields(batch) => {
            let records = batch.records.iter().map(record_to_wire).collect();
            WireTask::ApplyRecords(WireRecords { project: batch.project, time: batch.time, trust: trust_number(batch.trust), records })
        }
        Task::Import(project, records) => WireTask::Import((*project, records.iter().map(import_to_wire).collect())),
        Task::DeleteEvents(project, found) => WireTask::DeleteEvents((*project, found.iter().map(match_to_wire).collect())),
        Task::FinishErasure(erasure) => {
            let FinishErasure { subject, after, imported: (keys, change) } = &**erasure;
            let (keys, change) = if keys.len() > MAX_ERASURE_KEYS { (&[][..], 0) } else { (keys.as_slice(), *change) };
            let keys = keys.iter().map(|(resource, id)| (resource.as_str(), id.as_str())).collect();
            WireTask::FinishErasure(WireErasure { project: subject.project, email: &subject.email, after: *after, keys, change })
        }
        Task::Trim(before, limit) => WireTask::Trim(*before, *limit as u64),
        Task::AddProject(token) => WireTask::AddProject(token),
        Task::ChangeFile(FileChange { name, replaces, sealed }) => WireTask::ChangeFile(WireFile { name, replaces: *replaces, sealed }),
        Task::Probe => return None,
    })
}

/// Returns the task of a form, or None if it is damaged.
pub(super) fn from_wire(task: WireTask<'_>) -> Option<Task> {
    Some(match task {
        WireTask::Append(WireBatch { project, received_at, trust, client, frames, bytes }) => {
            let sender = (trust_of(trust)?, Client::from_number(client));
            let batch = EncodedBatch::from_parts(received_at, sender, (frames.into_owned(), bytes.to_vec()))?;
            Task::Append(AppendRequest { project, batch })
        }
        WireTask::ApplyRecords(WireRecords { project, time, trust, records }) => {
            let records = records.into_iter().map(record_of).collect::<Option<_>>()?;
            Task::ApplyRecords(RecordBatch { project, time, trust: trust_of(trust)?, records })
        }
        WireTask::Import((project, records)) => Task::Import(project, records.into_iter().map(import_of).collect::<Option<_>>()?),
        WireTask::DeleteEvents((project, found)) => Task::DeleteEvents(project, found.into_iter().map(match_of).collect()),
        WireTask::FinishErasure(WireErasure { project, email, after, keys, change }) => {
            let keys: Vec<RecordKey> = keys.into_iter().map(|(resource, id)| (resource.into(), id.into())).collect();
            let subject = Subject::new(project, email.into()).into();
            Task::FinishErasure(Box::new(FinishErasure { subject, after, imported: (keys, change) }))
        }
        WireTask::Trim(before, limit) => Task::Trim(before, usize::try_from(limit).ok()?),
        WireTask::AddProject(token) => Task::AddProject(token.into()),
        WireTask::ChangeFile(WireFile { name, replaces, sealed }) => {
            Task::ChangeFile(FileChange { name: name.into(), replaces, sealed: sealed.to_vec() })
        }
    })
}

fn trust_number(trust: TrustLevel) -> u8 {
    match trust {
        TrustLevel::Browser => 0,
        TrustLevel::Bot => 1,
        TrustLevel::Unsigned => 2,
        TrustLevel::Owner => 3,
    }
}

fn trust_of(number: u8) -> Option<TrustLevel> {
    [TrustLevel::Browser, TrustLevel::Bot, TrustLevel::Unsigned, TrustLevel::Owner].get(usize::from(number)).copied()
}

fn record_to_wire(record: &BackendRecord) -> WireRecord<'_> {
    let fields = record.fields.iter().map(|(name, value)| (name.as_str(), Cow::Owned(value.to_string()))).collect();
    WireRecord { resource: record.resource.name(), id: &record.id, fields }
}

fn record_of(record: WireRecord<'_>) -> Option<BackendRecord> {
    let field = |(name, json): (&str, Cow<'_, str>)| Some((name.to_owned(), serde_json::from_str(&json).ok()?));
    let fields = record.fields.into_iter().map(field).collect::<Option<_>>()?;
    Some(BackendRecord::new(Resource::find(record.resource)?, record.id.into(), fields))
}

fn import_to_wire(record: &ImportedRecord) -> WireImport<'_> {
    WireImport { resource: record.resource.name(), id: &record.id, email: record.email.as_deref(), json: &record.json }
}

fn import_of(record: WireImport<'_>) -> Option<ImportedRecord> {
    let WireImport { resource, id, email, json } = record;
    Some(ImportedRecord { resource: Resource::find(resource)?, id: id.into(), email: email.map(Into::into), json: json.into() })
}

fn match_to_wire(found: &Match) -> WireMatch<'_> {
    let other_person = found.other_person.as_ref().map(|person| match person {
        Person::Email(email) => WirePerson::Email(email),
        Person::Visitor(visitor) => WirePerson::Visitor(visitor),
    });
    WireMatch { seq: found.seq, id: found.id.into_bytes(), is_own: found.is_own, other_person }
}

fn match_of(found: WireMatch<'_>) -> Match {
    let other_person = found.other_person.map(|person| match person {
        WirePerson::Email(email) => Person::Email(email.into()),
        WirePerson::Visitor(visitor) => Person::Visitor(visitor.into()),
    });
    Match { seq: found.seq, id: Uuid::from_bytes(found.id), is_own: found.is_own, other_person }
}
