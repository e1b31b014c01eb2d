//! Opens the store: its folder, its file, and the thread that writes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::{mpsc, watch};

use super::applied;
use super::data_folder::{FILE, is_unfinished, lock, remove_copies};
use super::error::StoreError;
use super::log::cursor::Cursor;
use super::log::event_reader;
use super::position::Position;
use super::read::pool::ReadPool;
use super::read::tracked;
use super::replica::Inbox;
use super::schema::{connect, migrations};
use super::tasks::Job;
use super::write::disk_space::Reserve;
use super::write::health::WriteHealth;
use super::write::queue;
use super::write::writer::StoreWriter;
use super::{Options, Store};
use crate::telemetry::Telemetry;

/// What the writing thread runs.
pub(in crate::store) type WriterLoop = Box<dyn FnOnce() + Send>;

/// A folder that is locked, and a file that is migrated.
pub(in crate::store) struct Prepared {
    lock: File,
    folder: PathBuf,
    options: Options,
    reserve: Reserve,
    head: (watch::Sender<Cursor>, watch::Receiver<Cursor>),
    position: (watch::Sender<Position>, watch::Receiver<Position>),
    telemetry: Arc<Telemetry>,
}

impl Prepared {
    /// Returns the reserve of the disk.
    pub(in crate::store) fn reserve(&self) -> Reserve {
        self.reserve.clone()
    }

    /// Starts the writing thread. `run` gets the writer and the requests, and returns what the thread runs and what is left for the caller.
    pub(in crate::store) fn start<T>(
        self,
        inbox: Option<Inbox>,
        run: impl FnOnce(StoreWriter, mpsc::Receiver<Job>) -> (WriterLoop, T),
    ) -> Result<(Store, T), StoreError> {
        let Self { lock, folder, options, reserve, head: (head_sender, head), position: (position_sender, position), telemetry } = self;
        let path = folder.join(FILE);
        let (queue, jobs) = queue::new(options.limits);
        let health = Arc::new(WriteHealth::new());
        let outputs = (Arc::clone(&health), telemetry);
        let writer = StoreWriter::new(path.clone(), options, reserve.clone(), (head_sender, position_sender), outputs);
        let (work, rest) = run(writer, jobs);
        let thread = std::thread::Builder::new().name("store-writer".into()).spawn(work);
        let thread = thread.map_err(|source| StoreError::Folder { path: path.clone(), source })?;
        let readers = ReadPool::new(path.clone(), options.busy_timeout);
        let (writer, probing) = (Some(thread), tokio::sync::Mutex::default());
        let store = Store { queue: Some(queue), readers, head, position, writer, path, reserve, health, probing, inbox, _lock: lock };
        Ok((store, rest))
    }
}

impl Store {
    /// Opens the store in `folder`, which is created if it is missing, and locks the folder for this process. A store that belongs to a group
    /// of collectors is refused: changes that are not in their log would make it unequal to the others.
    pub fn open(folder: &Path, options: Options, telemetry: Arc<Telemetry>) -> Result<Self, StoreError> {
        let (prepared, connection) = Self::prepare(folder, options, telemetry)?;
        let open_error = |source| StoreError::Open { path: folder.join(FILE), source };
        if applied::membership(&connection).map_err(open_error)?.is_some() {
            return Err(StoreError::InGroup(folder.to_owned()));
        }
        let (store, ()) = prepared.start(None, |writer, jobs| (Box::new(move || writer.run(jobs)), ()))?;
        Ok(store)
    }

    /// Locks the folder, removes what a killed process has left, and creates or migrates the file.
    pub(in crate::store) fn prepare(
        folder: &Path,
        options: Options,
        telemetry: Arc<Telemetry>,
    ) -> Result<(Prepared, Connection), StoreError> {
        let lock = lock(folder)?;
        remove_copies(folder);
        if is_unfinished(folder) {
            return Err(StoreError::Unfinished(folder.to_owned()));
        }
        let path = folder.join(FILE);
        let open_error = |source| StoreError::Open { path: path.clone(), source };
        let mut connection = connect::connect(&path, options.busy_timeout).map_err(open_error)?;
        migrations::migrate(&mut connection, &path)?;
        let head = watch::channel(event_reader::head(&connection).map_err(open_error)?);
        let position = watch::channel(tracked::position(&connection).map_err(open_error)?);
        let reserve = Reserve::new(folder, options.reserve_bytes, options.free_space);
        reserve.set_database_bytes(connect::database_bytes(&connection).map_err(open_error)?);
        Ok((Prepared { lock, folder: folder.to_owned(), options, reserve, head, position, telemetry }, connection))
    }
}
