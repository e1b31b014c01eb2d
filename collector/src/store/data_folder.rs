//! The data folder: its permissions, its lock, and the name of the store's file.

use std::fs::{self, File, TryLockError};
use std::io;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// The store's file in the data folder.
pub const FILE: &str = "tillroll.sqlite3";

/// The lock's file in the data folder.
pub const LOCK_FILE: &str = "lock";

/// The folder that the root of a file system has. Only the administrator can read it.
pub const LOST_AND_FOUND: &str = "lost+found";

/// The beginning of the names of folders with a copy of the store for a node that joins.
pub const COPY_PREFIX: &str = ".copy-";

/// Returns the path of the store while `tillroll restore` or `tillroll join` writes it.
pub fn unfinished_file(folder: &Path) -> PathBuf {
    folder.join(FILE).with_added_extension("part")
}

/// Returns whether `tillroll restore` or `tillroll join` was interrupted in this folder: it has a part of a store, and no store.
pub fn is_unfinished(folder: &Path) -> bool {
    unfinished_file(folder).exists() && !folder.join(FILE).exists()
}

/// Whether a folder contains more than an unused lock and what the root of a file system has.
pub fn is_used(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name() != LOCK_FILE && entry.file_name() != LOST_AND_FOUND)
}

/// Creates the data folder if it is missing, makes it private and locks it. The operating system releases the lock when the process ends.
pub fn lock(folder: &Path) -> Result<File, StoreError> {
    let folder_error = |source| StoreError::Folder { path: folder.to_owned(), source };
    create_folder(folder).map_err(folder_error)?;
    make_private(folder);
    let file = File::create(folder.join(LOCK_FILE)).map_err(folder_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(folder_error(source)),
    }
}

/// Removes the copies of the store that a process has left which was killed. Call it with the lock held.
pub(super) fn remove_copies(folder: &Path) {
    let copies = fs::read_dir(folder).into_iter().flatten().flatten();
    for copy in copies.filter(|entry| entry.file_name().to_string_lossy().starts_with(COPY_PREFIX)) {
        if let Err(error) = fs::remove_dir_all(copy.path()) {
            tracing::warn!(%error, "cannot remove {}, the copy of a store that is no longer needed", copy.path().display());
        }
    }
}

/// Removes the access of other users to the files in the data folder, which the operator or an earlier version may have created with it.
///
/// The folder itself is made private too if it contains nothing else: a folder such as `/srv` is not the server's. What cannot be changed,
/// because another user owns it, is left and reported.
#[cfg(unix)]
fn make_private(folder: &Path) {
    let entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
    let (ours, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| is_ours(&entry.file_name().to_string_lossy()));
    let mut failed = ours.iter().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()) && !restrict(&entry.path())).count();
    let has_others = !others.is_empty();
    if !has_others && !restrict(folder) {
        failed += 1;
    }
    let is_shared = has_others && fs::metadata(folder).is_ok_and(|data| data.permissions().mode() & 0o022 != 0);
    if failed > 0 || is_shared {
        tracing::warn!(
            "other users of this machine may have access to the data folder; make it private: chmod -R go= {}",
            folder.display()
        );
    }
}

#[cfg(not(unix))]
fn make_private(_folder: &Path) {}

/// The beginnings of the names of all files in a data folder.
#[cfg(unix)]
const NAME_PREFIXES: &[&str] =
    &[".", "analytics.", "backup.json", "demo-secret", "forwarded.", "group-files.", "lock", "project", "tillroll.", "token-keys"];

#[cfg(unix)]
fn is_ours(name: &str) -> bool {
    NAME_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Removes the access of other users to a file or folder. Returns whether they have none now.
#[cfg(unix)]
fn restrict(path: &Path) -> bool {
    let Ok(mode) = fs::metadata(path).map(|data| data.permissions().mode()) else { return true };
    mode & 0o077 == 0 || fs::set_permissions(path, fs::Permissions::from_mode(mode & !0o077)).is_ok()
}

/// Creates a folder for personal data: only the user of this process has access.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
