//! Files and folders of commands. Only the user of the process can read what is created here, because it is personal or secret.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::store::{self, LOCK_FILE, LOST_AND_FOUND, create_folder};

/// Returns the message of a failed operation, for [`Context`].
pub(super) fn failed(operation: &'static str, path: &Path) -> impl FnOnce() -> String {
    let path = path.display().to_string();
    move || format!("cannot {operation} {path}")
}

/// Returns the paths of all files in a folder and its subfolders, relative to the folder. The folder may be the root of a file system.
pub(super) fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut found, mut open) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(inner) = open.pop() {
        let path = folder.join(&inner);
        for entry in fs::read_dir(&path).with_context(failed("read", &path))? {
            let entry = entry.with_context(failed("read", &path))?;
            let name = inner.join(entry.file_name());
            if name == Path::new(LOST_AND_FOUND) {
                continue;
            }
            match entry.file_type().with_context(failed("read", &path))? {
                kind if kind.is_dir() => open.push(name),
                kind if kind.is_file() => found.push(name),
                _ => {}
            }
        }
    }
    Ok(found)
}

/// Creates a data folder for these files. It may contain what an interrupted command left of the same files, and nothing else.
pub(super) fn create_data_folder(folder: &Path, files: &[PathBuf]) -> anyhow::Result<()> {
    create(folder)?;
    let unfinished = store::unfinished_file(Path::new(""));
    let is_leftover = |name: &PathBuf| *name == unfinished || name == Path::new(LOCK_FILE) || files.contains(name);
    let has_leftovers_only = || store::is_unfinished(folder) && files_below(folder).is_ok_and(|found| found.iter().all(is_leftover));
    if store::is_used(folder) && !has_leftovers_only() {
        bail!("the data folder {} is not empty; move it away or choose another with --data", folder.display());
    }
    Ok(())
}

/// Creates a folder (0700) and its parents.
pub(super) fn create(folder: &Path) -> anyhow::Result<()> {
    create_folder(folder).with_context(failed("create", folder))
}

/// Creates a file (0600) for writing. A file that exists is emptied and made private.
pub(super) fn create_private(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).with_context(failed("write", path))?;
    #[cfg(unix)]
    if file.metadata().is_ok_and(|data| data.is_file()) {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o600)).with_context(failed("write", path))?;
    }
    Ok(file)
}

/// Writes a file (0600) durably.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = create_private(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(failed("write", path))
}

/// Makes created, renamed and deleted entries of a folder durable.
pub(super) fn sync_folder(folder: &Path) -> anyhow::Result<()> {
    File::open(folder).and_then(|file| file.sync_all()).with_context(failed("write", folder))
}

/// Removes a folder, if it exists.
pub(super) fn remove(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).with_context(failed("remove", folder))
}

/// Renames a file or a folder.
pub(super) fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::rename(from, to).with_context(failed("write", to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_with_the_part_of_an_interrupted_join_is_accepted_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let is_accepted = || create_data_folder(folder.path(), &[store::FILE.into()]).is_ok();
        assert!(is_accepted());
        fs::write(folder.path().join(LOCK_FILE), "").unwrap();
        fs::write(store::unfinished_file(folder.path()), "SQLite").unwrap();
        assert!(is_accepted());
        let notes = folder.path().join("notes");
        fs::write(&notes, "mine").unwrap();
        assert!(!is_accepted());
        fs::remove_file(notes).unwrap();
        fs::write(folder.path().join(store::FILE), "SQLite").unwrap();
        assert!(!is_accepted());
    }
}
