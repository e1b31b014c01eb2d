//! Opens a store that follows a replicated log, and checks that the log is the one that it follows.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::inbox::Inbox;
use super::outbox::Outbox;
use super::pending::Pending;
use super::replica_writer::ReplicaOutputs;
use super::status::ReplicaStatus;
use crate::store::applied::{self, Membership};
use crate::store::data_folder::{FILE, lock};
use crate::store::error::StoreError;
use crate::store::group_files::{self, FileChange, SealedFile};
use crate::store::schema::{connect, migrations};
use crate::store::tasks::Task;
use crate::store::{Options, Store};
use crate::telemetry::Telemetry;

/// What a store needs to follow a log.
pub struct Replica {
    /// The requests to publish.
    pub outbox: Outbox,
    /// Takes the entries of the log.
    pub inbox: Inbox,
    /// How far the log is applied.
    pub status: ReplicaStatus,
    /// The log that the store follows, or None at the first start.
    pub membership: Option<Membership>,
    /// Whether the store has no data yet.
    pub is_empty: bool,
}

impl Store {
    /// Opens the store in `folder` as [`Store::open`] does, for requests that are published in a log and entries that come from it.
    pub fn open_replicated(folder: &Path, options: Options, telemetry: Arc<Telemetry>) -> Result<(Self, Replica), StoreError> {
        let (parts, connection) = Self::prepare(folder, options, telemetry)?;
        let open_error = |source| StoreError::Open { path: folder.join(FILE), source };
        let membership = applied::membership(&connection).map_err(open_error)?;
        let is_empty = applied::is_empty(&connection).map_err(open_error)?;
        let status = ReplicaStatus::new(membership.as_ref().map_or(0, |membership| membership.applied));
        let pending = Pending::default();
        let (inbox, work) = Inbox::new(status.clone(), pending.clone());
        let outputs = ReplicaOutputs { pending: pending.clone(), status: status.clone() };
        let reserve = parts.reserve();
        let (store, jobs) =
            parts.start(Some(inbox.clone()), |writer, jobs| (Box::new(move || writer.run_replica(work, &outputs)), jobs))?;
        let outbox = Outbox::new(jobs, pending, inbox.clone(), reserve);
        Ok((store, Replica { outbox, inbox, status, membership, is_empty }))
    }

    /// Makes the store follow a log. Call it before the first entry.
    pub async fn join_log(&self, membership: Membership) -> Result<(), StoreError> {
        let path = self.path.clone();
        let join = move || applied::set_membership(&connect::connect(&path, Options::default().busy_timeout)?, &membership);
        tokio::task::spawn_blocking(join).await.map_err(|_| StoreError::Stopping)?.map_err(|_| StoreError::Write)
    }

    /// Returns the id of the applied entry with this number, if it is one of the last ones.
    pub async fn applied_entry(&self, number: u64) -> Result<Option<[u8; 16]>, StoreError> {
        self.readers.with(move |connection: &Connection| applied::entry(connection, number)).await
    }

    /// Gives the project with this token a number through the log, unless it has one, and returns the number.
    pub async fn add_project(&self, token: &str) -> Result<i64, StoreError> {
        self.run(Task::AddProject(token.to_owned())).await.map(|outcome| outcome.project)
    }

    /// Publishes a change of a file that all nodes of a group have.
    pub async fn change_group_file(&self, change: FileChange) -> Result<(), StoreError> {
        self.run(Task::ChangeFile(change)).await.map(|_| ())
    }

    /// Returns the files that all nodes of a group have.
    pub async fn group_files(&self) -> Result<Vec<SealedFile>, StoreError> {
        self.readers.with(|connection: &Connection| group_files::all(connection)).await
    }
}

/// Makes the store in a data folder independent of every log. No process may have it open.
pub fn leave_log(folder: &Path) -> Result<bool, StoreError> {
    let path = folder.join(FILE);
    if !path.is_file() {
        return Err(StoreError::NotFound(folder.to_owned()));
    }
    let _lock = lock(folder)?;
    let open_error = |source| StoreError::Open { path: path.clone(), source };
    let mut connection = connect::connect(&path, Options::default().busy_timeout).map_err(open_error)?;
    migrations::migrate(&mut connection, &path)?;
    let was_member = applied::membership(&connection).map_err(open_error)?.is_some();
    applied::leave(&connection).map_err(open_error)?;
    Ok(was_member)
}
