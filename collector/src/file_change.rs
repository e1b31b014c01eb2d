//! Detects that another process has changed or replaced a file.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// Modification time, size and inode of a file; None if it does not exist.
///
/// The time alone is not enough: file systems record it to some milliseconds only. A replaced file has another inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileVersion(Option<(SystemTime, u64, u64)>);

impl FileVersion {
    /// Returns the version of the file that is there now.
    pub(crate) fn of(path: &Path) -> Self {
        let version = || {
            let metadata = fs::metadata(path).ok()?;
            #[cfg(unix)]
            let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
            #[cfg(not(unix))]
            let inode = 0;
            Some((metadata.modified().ok()?, metadata.len(), inode))
        };
        Self(version())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_of_the_same_size_and_time_has_another_version() {
        let folder = tempfile::tempdir().unwrap();
        let [path, replacement] = ["file", "replacement"].map(|name| folder.path().join(name));
        fs::write(&path, "old").unwrap();
        let before = FileVersion::of(&path);
        assert_eq!(before, FileVersion::of(&path));
        fs::write(&replacement, "new").unwrap();
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::File::options().write(true).open(&replacement).unwrap().set_modified(time).unwrap();
        fs::rename(&replacement, &path).unwrap();
        assert_ne!(before, FileVersion::of(&path));
    }
}
