//! Which edition of a file is there: what tells a process that another one has put a new file in its place.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// What differs between two editions of a file. Systems tell the time of a change to some milliseconds only, but each edition is a file of
/// its own, which has a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileVersion(Option<(SystemTime, u64, u64)>);

impl FileVersion {
    /// Returns the edition that is there now; one that cannot be seen is that of no file.
    pub(crate) fn of(path: &Path) -> Self {
        let see = || {
            let metadata = fs::metadata(path).ok()?;
            #[cfg(unix)]
            let number = std::os::unix::fs::MetadataExt::ino(&metadata);
            #[cfg(not(unix))]
            let number = 0;
            Some((metadata.modified().ok()?, metadata.len(), number))
        };
        Self(see())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_of_the_same_length_and_time_is_another_edition() {
        let folder = tempfile::tempdir().unwrap();
        let [path, beside] = ["file", "beside"].map(|name| folder.path().join(name));
        fs::write(&path, "one").unwrap();
        let before = FileVersion::of(&path);
        assert_eq!(before, FileVersion::of(&path));
        fs::write(&beside, "two").unwrap();
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::File::options().write(true).open(&beside).unwrap().set_modified(time).unwrap();
        fs::rename(&beside, &path).unwrap();
        assert_ne!(before, FileVersion::of(&path));
    }
}
