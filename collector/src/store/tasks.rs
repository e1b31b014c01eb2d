//! The tasks of the writing thread, and their results.

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::cost;
use super::erasure::apply::FinishErasure;
use super::erasure::search::Match;
use super::error::StoreError;
use super::group_files::FileChange;
use super::imports::ImportedRecord;
use super::log::append::{AppendRequest, Appended};
use super::log::retention::Trimmed;
use super::state::records::{BackendRecord, RecordBatch};
use super::subject::Erased;

/// Something to write.
pub(in crate::store) enum Task {
    /// Append events to the log.
    Append(AppendRequest),
    /// Apply records of a back end.
    ApplyRecords(RecordBatch),
    /// Import orders, carts and returns of a project.
    Import(i64, Vec<ImportedRecord>),
    /// Import categories, customers and products.
    ImportFields(RecordBatch),
    /// Delete events of a project.
    DeleteEvents(i64, Vec<Match>),
    /// Complete an erasure.
    FinishErasure(Box<FinishErasure>),
    /// Delete events that arrived before this time, in milliseconds since 1970, at most this many.
    Trim(u64, usize),
    /// Give the project with this token a number, unless it has one.
    AddProject(String),
    /// Change a file that all nodes of a group have.
    ChangeFile(FileChange),
    /// Test whether a write succeeds.
    Probe,
}

impl Task {
    /// Returns about how much of the writer's time the task takes.
    pub(in crate::store) fn cost(&self) -> usize {
        match self {
            Self::Append(request) => request.batch.cost(),
            Self::ApplyRecords(batch) | Self::ImportFields(batch) => batch.records.iter().map(record_cost).sum(),
            Self::Import(_, records) => records.iter().map(document_cost).sum(),
            Self::DeleteEvents(_, found) => cost::ROW * found.len(),
            Self::Trim(_, limit) => cost::ROW * limit,
            Self::FinishErasure(_) => cost::MAX_TASK,
            Self::AddProject(_) | Self::ChangeFile(_) => cost::RECORD,
            Self::Probe => 0,
        }
    }

    /// Returns about how many bytes of memory the task takes.
    pub(in crate::store) fn memory_bytes(&self) -> usize {
        match self {
            Self::Append(request) => request.batch.memory_bytes(),
            Self::ApplyRecords(batch) | Self::ImportFields(batch) => batch.records.iter().map(record_bytes).sum(),
            Self::Import(_, records) => records.iter().map(|record| 256 + record.id.len() + record.json.len()).sum(),
            Self::DeleteEvents(_, found) => 64 * found.len(),
            Self::ChangeFile(change) => 256 + change.sealed.len(),
            Self::AddProject(_) | Self::FinishErasure(_) | Self::Trim(..) | Self::Probe => 0,
        }
    }

    /// Returns the request, if the task appends events of this project.
    pub(in crate::store) fn append_request(&self, project: i64) -> Option<&AppendRequest> {
        if let Self::Append(request) = self { Some(request).filter(|request| request.project == project) } else { None }
    }

    /// Returns whether the task is a part of an import, which the owner of a project has chosen to start now.
    pub(in crate::store) fn is_import(&self) -> bool {
        matches!(self, Self::Import(..) | Self::ImportFields(_))
    }

    /// Returns whether cheap tasks go before this one. Small imports also wait, because the parts of an import must stay in their order.
    pub(in crate::store) fn is_expensive(&self) -> bool {
        self.is_import() || self.cost() >= cost::MIN_EXPENSIVE
    }

    /// Returns whether the task makes the store larger.
    pub(in crate::store) fn needs_disk_space(&self) -> bool {
        match self {
            Self::Append(_) | Self::ApplyRecords(_) | Self::AddProject(_) | Self::ChangeFile(_) => true,
            Self::Import(..) | Self::ImportFields(_) => true,
            Self::DeleteEvents(..) | Self::FinishErasure(_) | Self::Trim(..) | Self::Probe => false,
        }
    }
}

/// Returns about how much of the writer's time a record of a back end takes.
pub(in crate::store) fn record_cost(record: &BackendRecord) -> usize {
    cost::RECORD + record.fields.len() * cost::ROW / 8 + (record_bytes(record) + record.stored_bytes) / cost::BYTES
}

/// Returns about how much of the writer's time an imported record takes.
pub(in crate::store) fn document_cost(record: &ImportedRecord) -> usize {
    cost::DOCUMENT + record.json.len() / cost::DOCUMENT_BYTES
}

fn record_bytes(record: &BackendRecord) -> usize {
    256 + record.id.len() + record.fields.iter().map(|(name, value)| name.len() + value_bytes(value)).sum::<usize>()
}

fn value_bytes(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => 32 + text.len(),
        serde_json::Value::Array(elements) => elements.iter().map(value_bytes).sum::<usize>() + 32,
        serde_json::Value::Object(members) => members.iter().map(|(name, value)| 64 + name.len() + value_bytes(value)).sum::<usize>() + 32,
        _ => 32,
    }
}

/// The result of a task; each kind of task sets its own field.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Outcome {
    pub(in crate::store) appended: Appended,
    pub(in crate::store) trimmed: Trimmed,
    pub(in crate::store) erased: Erased,
    /// The number of the project.
    pub(in crate::store) project: i64,
    /// The places of the records that were refused, because their customer has too many tags.
    pub(in crate::store) refused: Vec<usize>,
}

/// A task in the queue.
pub(in crate::store) struct Job {
    pub(in crate::store) task: Task,
    pub(in crate::store) response: oneshot::Sender<Result<Outcome, StoreError>>,
    /// The task's share of the queue's bytes.
    pub(in crate::store) permit: OwnedSemaphorePermit,
    /// The task's share of the queue's requests.
    pub(in crate::store) slot: OwnedSemaphorePermit,
}

impl Job {
    /// Sends the result to the waiting request. The job leaves the queue first, so the queue's metrics never count a finished request.
    pub(in crate::store) fn respond(self, outcome: Result<Outcome, StoreError>) {
        let Self { response, permit, slot, .. } = self;
        drop((permit, slot));
        // A request that no longer waits has lost its connection; the client will send again.
        let _ = response.send(outcome);
    }
}
