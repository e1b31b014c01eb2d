//! The data folder: its permissions, its lock, and the name of the store's file.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use super::error::StoreError;

/// The store's file in the data folder.
pub const FILE: &str = "tillroll.sqlite3";

/// The lock's file in the data folder.
const LOCK_FILE: &str = "lock";

/// Whether a folder contains more than an unused lock.
pub fn is_used(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name() != LOCK_FILE)
}

/// Creates the data folder if it is missing and locks it. The operating system releases the lock when the process ends.
pub fn lock(folder: &Path) -> Result<File, StoreError> {
    let folder_error = |source| StoreError::Folder { path: folder.to_owned(), source };
    create_folder(folder).map_err(folder_error)?;
    let file = File::create(folder.join(LOCK_FILE)).map_err(folder_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(folder_error(source)),
    }
}

/// Creates a folder for personal data: only the user of this process has access.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
