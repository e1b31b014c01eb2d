//! How much room the disk has left, and how much of it is kept back.
//!
//! Taking events out of a store needs some room too. So new ones are refused a little before the disk is full, and what makes room still
//! works then.

use std::path::{Path, PathBuf};

/// Of a small disk this part is kept back.
const PART: u64 = 20;

/// Tells the room of the disk that a folder is on.
pub type Look = fn(&Path) -> Option<Room>;

/// What is kept back of a disk.
pub(super) struct Reserve {
    folder: PathBuf,
    bytes: u64,
    look: Look,
}

impl Reserve {
    pub(super) fn new(folder: &Path, bytes: u64, look: Look) -> Self {
        Self { folder: folder.into(), bytes, look }
    }

    /// Returns whether new events would touch the reserve. A system that does not tell has room until a write fails.
    pub(super) fn is_touched(&self) -> bool {
        (self.look)(&self.folder).is_some_and(|room| room.free < self.bytes.min(room.whole / PART))
    }

    /// Returns how many bytes are free.
    pub(super) fn free(&self) -> Option<u64> {
        (self.look)(&self.folder).map(|room| room.free)
    }
}

/// The room of a disk, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// What may be written yet.
    pub free: u64,
    /// How large the disk is.
    pub whole: u64,
}

/// What the system tells.
#[cfg(unix)]
pub(super) fn room(folder: &Path) -> Option<Room> {
    let told = rustix::fs::statvfs(folder).ok()?;
    Some(Room { free: told.f_bavail.saturating_mul(told.f_frsize), whole: told.f_blocks.saturating_mul(told.f_frsize) })
}

/// What the system tells.
#[cfg(not(unix))]
pub(super) fn room(_: &Path) -> Option<Room> {
    None
}
