//! The event log and who is who, in SQLite.
//!
//! One thread owns the connection that writes. Whatever waits is stored in one transaction; another thread flushes it to the disk while the
//! first gathers more, and goes on where there is much, so that a hundred requests share one flush and one transaction. An answer is given
//! after the flush and never before. Reading goes through connections of its own and never waits for writing.

mod aside;
mod checkpoint;
mod cursor;
mod disk;
mod earlier;
mod erasure;
mod following;
mod identity;
mod imported;
mod log;
mod pack;
mod packer;
mod queue;
mod reader;
mod record;
mod schema;
mod shop;
mod step;
mod syncer;
mod trim;
mod writer;

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::Error;
use crate::projection::{self, sync};
use crate::telemetry::Telemetry;

pub use aside::{Aside, check};
use checkpoint::Checkpointer;
pub use cursor::Cursor;
pub use disk::{Look, Room};
pub use erasure::Erased;
pub use imported::Imported;
pub use log::Stored;
pub use pack::Pack;
pub use queue::Limits;
use queue::{Entries, Queue};
use reader::Readers;
pub use shop::{Change, Family, List, Place, Record, Table, Telling, Voucher, part};
use syncer::Syncer;
pub use trim::Trimmed;
use writer::Writer;

/// The store's file in the data folder.
pub const FILE: &str = "tillroll.sqlite3";

/// How the store behaves; the default is for production.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long to wait for somebody else's lock on the file before giving up.
    pub busy_timeout: Duration,
    /// How much may wait to be stored.
    pub limits: Limits,
    /// How many bytes of the disk are kept back for what makes room on it.
    pub reserve: u64,
    /// Who tells how much room the disk has: the system.
    pub room: Look,
}

impl Default for Options {
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(1), limits: Limits::default(), reserve: 0, room: disk::room }
    }
}

/// What became of the events of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// How many were stored by this request.
    pub accepted: u64,
    /// How many had been stored before, or stood in the same request twice.
    pub duplicates: u64,
}

/// Which events to read: those of one project after a place, up to another one.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// The project's number in the store.
    pub project: i64,
    /// The place after which to begin.
    pub after: Cursor,
    /// The last place to read.
    pub until: Cursor,
    /// The most events to return.
    pub limit: usize,
}

/// The open store. Dropping it stores what still waits and closes the files.
pub struct Store {
    queue: Option<Queue>,
    readers: Readers,
    head: watch::Receiver<Cursor>,
    change: watch::Receiver<i64>,
    writer: Option<std::thread::JoinHandle<()>>,
    path: PathBuf,
    reserve: disk::Reserve,
    _lock: File,
}

impl Store {
    /// Opens the store in `folder`, which is made if it is missing, and keeps every other collector out of it.
    pub fn open(folder: &Path, options: Options, telemetry: Arc<Telemetry>) -> Result<Self, Error> {
        let lock = lock(folder)?;
        let path = folder.join(FILE);
        let fault = |source| Error::OpenStore { path: path.clone(), source };
        let mut connection = schema::connect(&path, options.busy_timeout).map_err(fault)?;
        schema::migrate(&mut connection, &path)?;
        let (announce, head) = watch::channel(log::head(&connection).map_err(fault)?);
        let (announce_change, change) = watch::channel(shop::head(&connection).map_err(fault)?);
        let (queue, jobs) = queue::new(options.limits);
        let no_thread = |source| Error::DataFolder { path: path.clone(), source };
        let reserve = disk::Reserve::new(folder, options.reserve, options.room);
        let syncer = Syncer::start(&path, (announce, announce_change), Arc::clone(&telemetry)).map_err(no_thread)?;
        let checkpointer = Checkpointer::start(path.clone(), options.busy_timeout).map_err(no_thread)?;
        schema::for_writing(&connection).map_err(fault)?;
        let writer = Writer::new(path.clone(), options.busy_timeout, reserve, connection, (syncer, checkpointer), telemetry);
        let thread = std::thread::Builder::new().name("store-writer".into()).spawn(move || writer.run(jobs));
        let thread = thread.map_err(no_thread)?;
        let readers = Readers::new(path.clone(), options.busy_timeout);
        Ok(Self {
            queue: Some(queue),
            readers,
            head,
            change,
            writer: Some(thread),
            path,
            reserve: disk::Reserve::new(folder, options.reserve, options.room),
            _lock: lock,
        })
    }

    /// Returns the number of the project with this token, which is given one if it is new.
    pub fn project(&self, token: &str) -> Result<i64, Error> {
        let fault = |source| Error::OpenStore { path: self.path.clone(), source };
        let connection = schema::connect(&self.path, Duration::from_secs(5)).map_err(fault)?;
        schema::project(&connection, token).map_err(fault)
    }

    /// Stores events and returns once they are safe on disk. An error means that nothing of them was acknowledged.
    pub async fn append(&self, project: i64, pack: Pack) -> Result<Appended, Error> {
        self.queue()?.append(Entries { project, pack }).await
    }

    /// Takes over what a back end tells and returns once it is safe on disk.
    pub async fn tell(&self, telling: Telling) -> Result<(), Error> {
        self.queue()?.tell(telling).await
    }

    /// Keeps imported records in place of their earlier states, and returns once they are safe on disk.
    pub async fn import(&self, project: i64, records: Vec<Imported>) -> Result<(), Error> {
        self.queue()?.import(project, records).await
    }

    /// Returns which of these ids belong to carts or returns that the store knows by their events.
    pub async fn kept(&self, project: i64, family: crate::metrics::catalog::Family, ids: Vec<String>) -> Result<HashSet<String>, Error> {
        self.readers.with(move |connection| imported::kept(connection, project, family, ids)).await
    }

    /// Returns a way to follow all that is asked about, on whatever thread asks.
    pub fn source(&self) -> Box<dyn sync::Source> {
        Box::new(following::Following::new(self.path.clone()))
    }

    /// Takes events out of the log that came before a time, in milliseconds since 1970, at most `limit` of them.
    pub async fn trim(&self, before: u64, limit: usize) -> Result<Trimmed, Error> {
        self.queue()?.trim(before, limit).await
    }

    /// Returns how many bytes the disk has free, where the system tells.
    pub fn free(&self) -> Option<u64> {
        self.reserve.free()
    }

    /// Tries whether the store takes something, by writing through the same queue and thread as everybody.
    pub async fn probe(&self) -> Result<(), Error> {
        if self.reserve.is_touched() {
            return Err(Error::DiskFull);
        }
        self.queue()?.probe().await
    }

    /// Returns how many requests wait to be stored.
    pub fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, Queue::waiting)
    }

    /// Returns the place of the newest event, and a way to wait for the next.
    pub fn head(&self) -> watch::Receiver<Cursor> {
        self.head.clone()
    }

    /// Returns the number of the newest change of the current state, and a way to wait for the next.
    pub fn change(&self) -> watch::Receiver<i64> {
        self.change.clone()
    }

    /// Returns the documents that changed after the change `after`, in the order in which they last did.
    pub async fn changes(&self, family: Family, after: i64, limit: usize) -> Result<Vec<Change>, Error> {
        self.readers.with(move |connection| shop::changes(connection, family, after, limit)).await
    }

    /// Returns a part of a list as lines of JSON, how many they are, and the place after them unless the list has ended.
    pub async fn list(&self, project: i64, list: List, after: Place, limit: usize) -> Result<(String, usize, Option<Place>), Error> {
        self.readers.with(move |connection| shop::page(connection, project, list, &after, limit)).await
    }

    /// Reads events, oldest first.
    pub async fn read(&self, range: Range) -> Result<Vec<Stored>, Error> {
        self.readers.with(move |connection| log::read(connection, range)).await
    }

    /// Returns the place before the newest `count` events of a project.
    pub async fn before_newest(&self, project: i64, count: usize) -> Result<Cursor, Error> {
        self.readers.with(move |connection| log::before_newest(connection, project, count)).await
    }

    fn queue(&self) -> Result<&Queue, Error> {
        self.queue.as_ref().ok_or(Error::Stopping)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The thread ends when the queue is gone and empty.
        self.queue = None;
        if self.writer.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writing thread had failed");
        }
    }
}

/// Whether a folder holds anything but an empty lock.
pub fn is_used(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name() != "lock")
}

/// Removes what a server that has stopped must not leave behind, unless another one has begun to use the folder.
pub fn clean(folder: &Path) {
    let Ok(_lock) = lock(folder) else { return };
    if let Err(error) = projection::clean(folder) {
        tracing::error!(%error, "cannot remove a projection that holds traces of somebody who was erased");
    }
}

/// A lock of the system's own: it is gone with its process, however that ended.
pub(crate) fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let fault = |source| Error::DataFolder { path: folder.to_owned(), source };
    make_folder(folder).map_err(fault)?;
    let file = File::create(&path).map_err(fault)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::DataInUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(fault(source)),
    }
}

/// What is kept here is personal, so nobody else on the machine may look.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
