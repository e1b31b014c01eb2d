//! Free disk space, and the reserve of it.
//!
//! To delete events takes some space too. New events are rejected before the disk is full, so that deleting still works.
//!
//! The database grows when the write-ahead log is copied to it, after the events were accepted. So that space counts as used.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::store::data_folder::FILE;

/// The reserve is at most this fraction of a disk: one twentieth.
const MAX_RESERVE_DIVISOR: u64 = 20;

/// Returns the space of the disk with a folder, or None if the system does not report it.
pub type FreeSpaceFn = fn(&Path) -> Option<DiskSpace>;

/// The space of a disk, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct DiskSpace {
    /// The space for new data.
    pub free: u64,
    /// The size of the disk.
    pub total: u64,
}

/// The reserve of a disk. Clones share the length of the database.
#[derive(Clone)]
pub(in crate::store) struct Reserve {
    folder: PathBuf,
    bytes: u64,
    free_space: FreeSpaceFn,
    /// The length that the database will have when the write-ahead log is copied, in bytes.
    database_bytes: Arc<AtomicU64>,
}

impl Reserve {
    pub(in crate::store) fn new(folder: &Path, bytes: u64, free_space: FreeSpaceFn) -> Self {
        Self { folder: folder.into(), bytes, free_space, database_bytes: Arc::default() }
    }

    /// Sets the length that the database will have when the write-ahead log is copied.
    pub(in crate::store) fn set_database_bytes(&self, bytes: u64) {
        self.database_bytes.store(bytes, Relaxed);
    }

    /// Returns by how many bytes the database will grow when the write-ahead log is copied.
    fn copy_bytes(&self) -> u64 {
        let length = std::fs::metadata(self.folder.join(FILE)).map_or(0, |file| file.len());
        self.database_bytes.load(Relaxed).saturating_sub(length)
    }

    /// Returns whether only the reserve is left. If the system does not report the space, a failed write is the first sign of a full disk.
    pub(in crate::store) fn is_exhausted(&self) -> bool {
        (self.free_space)(&self.folder).is_some_and(|space| {
            let reserve = self.bytes.min(space.total / MAX_RESERVE_DIVISOR);
            space.free.saturating_sub(self.copy_bytes()) < reserve
        })
    }

    /// Returns the free bytes.
    pub(in crate::store) fn free_bytes(&self) -> Option<u64> {
        (self.free_space)(&self.folder).map(|space| space.free)
    }
}

/// Returns the space that the operating system reports.
#[cfg(unix)]
pub(in crate::store) fn system_disk_space(folder: &Path) -> Option<DiskSpace> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(DiskSpace { free: stat.f_bavail.saturating_mul(stat.f_frsize), total: stat.f_blocks.saturating_mul(stat.f_frsize) })
}

/// Returns the space that the operating system reports.
#[cfg(not(unix))]
pub(in crate::store) fn system_disk_space(_: &Path) -> Option<DiskSpace> {
    None
}
