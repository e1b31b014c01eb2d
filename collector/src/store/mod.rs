//! The store: everything that must survive, in one SQLite file.
//!
//! - The **event log** holds the events of all projects in the order in which they were stored. An event's number is its position.
//! - A **segment** is a row of the log: many encoded events of one project (`log/codec.rs`). A deleted event leaves a tombstone.
//! - **`event_id`** is the deduplication index: an event that is sent again is stored once.
//! - **`state_event`** holds copies of the events from which the state is derived, by person. They outlive their events in the log.
//! - The **state** holds customers, catalog, orders, carts and returns as they are now (`state/`). Each change has a number, so the projection
//!   can follow the changes.
//!
//! One thread owns the writing connection. It commits waiting tasks in one transaction, and acknowledges them only when the transaction is on
//! disk. Cheap tasks go first. Readers use other connections and never wait for the writer.

mod applied;
mod bound;
mod cost;
mod data_folder;
mod erasure;
mod error;
mod event_group;
mod group_files;
mod identity;
mod imports;
mod log;
mod open;
mod packed_json;
mod person;
mod position;
mod read;
mod replica;
mod schema;
mod spelling;
mod state;
mod subject;
mod tasks;
mod trust;
mod write;

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;
use tokio::sync::watch;

use crate::resource::Resource;

pub use applied::Membership;
pub use data_folder::{COPY_PREFIX, FILE, LOCK_FILE, LOST_AND_FOUND, create_folder, is_unfinished, is_used, lock, unfinished_file};
use erasure::{apply::FinishErasure, search};
pub use error::StoreError;
pub use group_files::{FileChange, SealedFile};
pub use imports::{ChangedRecord, ImportedRecord};
use log::append::AppendRequest;
pub use log::append::Appended;
pub use log::batch::EncodedBatch;
pub use log::cursor::Cursor;
pub use log::event_reader::{ExportedEvent, Range};
pub use log::retention::Trimmed;
pub use person::data::PersonData;
pub use person::timeline::{TimelineCursor, TimelineEntry};
use person::{data, events, timeline};
pub use position::Position;
pub use read::change_feed::{ChangeFeed, ChangePage, PageLimits};
use read::pool::ReadPool;
pub use read::read_only::{ReadOnlyStore, check_file};
pub use read::tracked::{IdentityLink, TrackedChanges, TrackedEvent};
pub use replica::{EntryError, Failures, Inbox, Outbox, OutgoingEntry, Progress, Replica, ReplicaStatus, entry_id, leave_log};
use schema::connect;
pub use state::documents::changes::Change;
pub use state::export::{ListCursor, ListPage};
pub use state::lww::merged_key;
pub use state::records::{BackendRecord, RecordBatch};
pub use state::tags::tag_field;
use state::{catalog, documents::changes, export};
pub use subject::Erased;
use subject::Subject;
use tasks::{Outcome, Task, document_cost, record_cost};
pub use trust::TrustLevel;
pub use write::disk_space::{DiskSpace, FreeSpaceFn};
use write::disk_space::{Reserve, system_disk_space};
use write::health::WriteHealth;
use write::queue::Queue;
pub use write::queue::{Limits, Queued};
pub use write::share::ExpensiveShare;

/// How many event numbers one step of an erasure searches.
const SEARCH_BATCH: i64 = 20_000;

/// How many events of an erasure one transaction deletes. Other writes wait that long.
const DELETE_BATCH: usize = 1_000;

/// How many events may be left for the last transaction of an erasure to search.
const MAX_FINAL_SEARCH: i64 = 1_000;

/// The options of a store. The default is for production.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long to wait for a lock of another process on the file.
    pub busy_timeout: Duration,
    /// The limits of the write queue.
    pub limits: Limits,
    /// How expensive requests share the writer with cheap ones.
    pub expensive_share: ExpensiveShare,
    /// The disk space that new events must not use, in bytes.
    pub reserve_bytes: u64,
    /// Returns the free disk space.
    pub free_space: FreeSpaceFn,
}

impl Default for Options {
    fn default() -> Self {
        let limits = Limits::default();
        let expensive_share = ExpensiveShare::default();
        Self { busy_timeout: Duration::from_secs(1), limits, expensive_share, reserve_bytes: 0, free_space: system_disk_space }
    }
}

/// The open store. Dropping it writes the waiting tasks and closes the files.
pub struct Store {
    queue: Option<Queue>,
    readers: ReadPool,
    head: watch::Receiver<Cursor>,
    position: watch::Receiver<Position>,
    writer: Option<std::thread::JoinHandle<()>>,
    path: PathBuf,
    reserve: Reserve,
    health: Arc<WriteHealth>,
    /// Held during a probe, so that there is one at a time.
    probing: tokio::sync::Mutex<()>,
    /// Takes the entries of a replicated log.
    inbox: Option<Inbox>,
    _lock: File,
}

impl Store {
    /// Returns the number of the project with this token. A new token gets a new number: with a replicated log through that, so the caller
    /// must be on a thread of the runtime that may block.
    pub fn project(&self, token: &str) -> Result<i64, StoreError> {
        let open_error = |source| StoreError::Open { path: self.path.clone(), source };
        let connection = connect::connect(&self.path, Duration::from_secs(5)).map_err(open_error)?;
        match self.inbox {
            None => connect::project_number(&connection, token).map_err(open_error),
            Some(_) => match connect::find_project(&connection, token).map_err(open_error)? {
                Some(number) => Ok(number),
                None => tokio::runtime::Handle::current().block_on(self.add_project(token)),
            },
        }
    }

    /// Returns whether the project with this token has a number.
    pub fn has_project(&self, token: &str) -> Result<bool, StoreError> {
        let open_error = |source| StoreError::Open { path: self.path.clone(), source };
        let connection = connect::connect(&self.path, Duration::from_secs(5)).map_err(open_error)?;
        connect::find_project(&connection, token).map(|number| number.is_some()).map_err(open_error)
    }

    /// Stores events, and returns when they are durable. After an error none of them was acknowledged.
    pub async fn append(&self, project: i64, batch: EncodedBatch) -> Result<Appended, StoreError> {
        self.append_all(project, vec![batch]).await
    }

    /// Stores the batches of a request, and returns when all are durable. After an error some of them may be stored.
    pub async fn append_all(&self, project: i64, batches: Vec<EncodedBatch>) -> Result<Appended, StoreError> {
        let tasks = batches.into_iter().map(|batch| Task::Append(AppendRequest { project, batch })).collect();
        let outcomes = self.run_all(tasks).await?;
        Ok(outcomes.iter().fold(Appended::default(), |sum, outcome| Appended {
            accepted: sum.accepted + outcome.appended.accepted,
            duplicates: sum.duplicates + outcome.appended.duplicates,
        }))
    }

    /// Applies records of a back end, and returns when they are durable. After an error some of them may be stored. Returns the places of those
    /// that were refused, because their customer has too many tags.
    pub async fn apply_records(&self, batch: RecordBatch) -> Result<Vec<usize>, StoreError> {
        let (counts, parts) = self.record_parts(batch).await?;
        let outcomes = self.run_all(parts.into_iter().map(Task::ApplyRecords).collect()).await?;
        Ok(refused(&counts, &outcomes))
    }

    /// Applies imported categories, customers and products: likewise.
    pub async fn import_fields(&self, batch: RecordBatch) -> Result<Vec<usize>, StoreError> {
        let (counts, parts) = self.record_parts(batch).await?;
        let queue = self.queue.as_ref().ok_or(StoreError::Stopping)?;
        let outcomes = queue.send_together(parts.into_iter().map(Task::ImportFields))?.outcomes().await?;
        Ok(refused(&counts, &outcomes))
    }

    /// Splits records into tasks by what it costs to write them, and returns how many each has.
    async fn record_parts(&self, mut batch: RecordBatch) -> Result<(Vec<usize>, Vec<RecordBatch>), StoreError> {
        let project = batch.project;
        let mut records = std::mem::take(&mut batch.records);
        let ids: Vec<_> = records.iter().map(|record| (record.resource, record.id.clone())).collect();
        // Without it the records count as small: a write does not wait for readers.
        if !records.is_empty()
            && let Some(found) = self.readers.with_idle(move |connection| catalog::stored_bytes(connection, project, &ids)).await
        {
            records.iter_mut().zip(found).for_each(|(record, bytes)| record.stored_bytes = bytes);
        }
        let parts = cost::parts(records, record_cost).map(|records| RecordBatch { records, ..batch });
        Ok(parts.map(|part| (part.records.len(), part)).unzip())
    }

    /// Begins to store imported orders, carts and returns in place of those with the same ids. After an error some of them may be stored.
    pub fn import(&self, project: i64, records: Vec<ImportedRecord>) -> Result<Queued, StoreError> {
        let tasks = cost::parts(records, document_cost).map(|records| Task::Import(project, records));
        self.queue.as_ref().ok_or(StoreError::Stopping)?.send_together(tasks)
    }

    /// Deletes events that arrived before a time, in milliseconds since 1970, at most `limit` of them.
    pub async fn trim(&self, before: u64, limit: usize) -> Result<Trimmed, StoreError> {
        self.run(Task::Trim(before, limit)).await.map(|outcome| outcome.trimmed)
    }

    /// Returns whether writes succeed: by the last one, or by a write of its own if that was more than a second ago. It uses the queue and
    /// the thread of all writes.
    pub async fn probe(&self) -> Result<(), StoreError> {
        if self.reserve.is_exhausted() {
            return Err(StoreError::DiskFull);
        }
        let _probing = self.probing.lock().await;
        match self.health.recent() {
            Some(true) => Ok(()),
            Some(false) => Err(StoreError::Write),
            None => self.run(Task::Probe).await.map(|_| ()),
        }
    }

    /// Erases a person by the normalised e-mail, and returns what was erased. After an error some of it may still exist.
    pub async fn erase(&self, project: i64, email: String) -> Result<Erased, StoreError> {
        let subject = Arc::new(Subject::new(project, email));
        let (mut after, mut events) = (0, 0);
        loop {
            let head = self.head.borrow().0;
            if head - after <= MAX_FINAL_SEARCH {
                break;
            }
            let until = head.min(after + SEARCH_BATCH);
            let searched = Arc::clone(&subject);
            let search = move |connection: &Connection| search::find(&*connection.unchecked_transaction()?, &searched, after, until);
            let mut found = self.readers.with(search).await?;
            (after, events) = (until, events + found.len() as u64);
            while !found.is_empty() {
                let rest = found.split_off(found.len().min(DELETE_BATCH));
                self.run(Task::DeleteEvents(project, std::mem::replace(&mut found, rest))).await?;
            }
        }
        let named = Arc::clone(&subject);
        let imported = self.readers.with(move |connection| imports::find_named(connection, &named, 0)).await?;
        let finish = Box::new(FinishErasure { subject, after, imported });
        let erased = self.run(Task::FinishErasure(finish)).await?.erased;
        Ok(Erased { events: erased.events + events, ..erased })
    }

    /// Returns up to `limit` entries of the timeline of the person with this normalised e-mail, newest first, those after the position
    /// `before`. Returns None if nothing of the person is stored.
    pub async fn timeline(
        &self,
        project: i64,
        email: String,
        before: Option<TimelineCursor>,
        limit: usize,
    ) -> Result<Option<Vec<TimelineEntry>>, StoreError> {
        let subject = Subject::new(project, email);
        let read = move |connection: &Connection| timeline::entries(connection, &subject, before.as_ref(), limit);
        self.readers.with(read).await.map(|(entries, is_known)| is_known.then_some(entries))
    }

    /// Returns entries of a timeline as lines of JSON.
    pub async fn timeline_lines(&self, project: i64, entries: Vec<TimelineEntry>) -> Result<String, StoreError> {
        self.readers.with(move |connection| timeline::lines(connection, project, entries)).await
    }

    /// Returns the data of the person with this normalised e-mail, without the events: only their numbers. Returns None if there is none.
    pub async fn person_data(&self, project: i64, email: String) -> Result<Option<PersonData>, StoreError> {
        let subject = Arc::new(Subject::new(project, email));
        let named = Arc::clone(&subject);
        let mut data = self.readers.with(move |connection| data::records(connection, &named)).await?;
        let head = self.head.borrow().0;
        let mut after = 0;
        while after < head {
            let until = head.min(after + SEARCH_BATCH);
            let searched = Arc::clone(&subject);
            let search = move |connection: &Connection| search::find(&*connection.unchecked_transaction()?, &searched, after, until);
            data.add(self.readers.with(search).await?);
            after = until;
        }
        Ok(Some(data.sorted()).filter(PersonData::exists))
    }

    /// Returns the events with these numbers, which are sorted, as they are exported. Those that are no longer stored are left out.
    pub async fn events_by_number(&self, project: i64, seqs: Vec<i64>) -> Result<Vec<Value>, StoreError> {
        let read = move |connection: &Connection| events::read(connection, project, &seqs);
        Ok(self.readers.with(read).await?.into_iter().map(|(_, event)| event).collect())
    }

    /// Returns the tags of the customer with this normalised e-mail, or None if nothing of the person is stored.
    pub async fn tags(&self, project: i64, email: String) -> Result<Option<Value>, StoreError> {
        let subject = Subject::new(project, email);
        self.readers.with(move |connection| data::tags(connection, &subject)).await
    }

    /// Returns which of these ids are those of events that opened a cart or were a return.
    pub async fn derived_ids(&self, project: i64, resource: Resource, ids: Vec<String>) -> Result<HashSet<String>, StoreError> {
        self.readers.with(move |connection| imports::derived_ids(connection, project, resource, ids)).await
    }

    /// Returns a reader of the changes, for use on any thread.
    pub fn change_feed(&self) -> ChangeFeed {
        ChangeFeed::new(self.path.clone())
    }

    /// Returns the free disk space in bytes, or None if the system does not report it.
    pub fn free_bytes(&self) -> Option<u64> {
        self.reserve.free_bytes()
    }

    /// Returns how many requests wait to be stored.
    pub fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, Queue::waiting)
    }

    /// Returns the position of the newest durable event, which can be watched.
    pub fn head(&self) -> watch::Receiver<Cursor> {
        self.head.clone()
    }

    /// Returns the position of everything that is durable, which can be watched.
    pub fn position(&self) -> watch::Receiver<Position> {
        self.position.clone()
    }

    /// Returns orders, carts or returns that changed after the change `after`, in the order of their last changes.
    pub async fn changes(&self, resource: Resource, after: i64, limit: usize) -> Result<Vec<Change>, StoreError> {
        self.readers.with(move |connection| changes::changes(connection, resource, after, limit)).await
    }

    /// Returns a page of a resource.
    pub async fn list(&self, project: i64, resource: Resource, after: ListCursor, limit: usize) -> Result<ListPage, StoreError> {
        self.readers.with(move |connection| export::page(connection, project, resource, &after, limit)).await
    }

    /// Reads events, oldest first.
    pub async fn read(&self, range: Range) -> Result<Vec<ExportedEvent>, StoreError> {
        self.readers.with(move |connection| log::event_reader::read(connection, range)).await
    }

    /// Returns the position before the newest `count` events of a project.
    pub async fn cursor_before_newest(&self, project: i64, count: usize) -> Result<Cursor, StoreError> {
        self.readers.with(move |connection| log::event_reader::cursor_before_newest(connection, project, count)).await
    }

    async fn run(&self, task: Task) -> Result<Outcome, StoreError> {
        self.run_all(vec![task]).await.map(|outcomes| outcomes.into_iter().next().unwrap_or_default())
    }

    async fn run_all(&self, tasks: Vec<Task>) -> Result<Vec<Outcome>, StoreError> {
        self.queue.as_ref().ok_or(StoreError::Stopping)?.run(tasks).await
    }
}

/// Returns the places of refused records in a list that was split into parts with these lengths.
fn refused(counts: &[usize], outcomes: &[Outcome]) -> Vec<usize> {
    let mut first = 0;
    let places = counts.iter().zip(outcomes).flat_map(|(count, outcome)| {
        let before = first;
        first += count;
        outcome.refused.iter().map(move |place| before + place)
    });
    places.collect()
}

impl Drop for Store {
    fn drop(&mut self) {
        // The thread ends when the queue is closed and empty.
        self.queue = None;
        self.inbox.iter().for_each(Inbox::close);
        if self.writer.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writing thread had panicked");
        }
    }
}
