//! The position of forwarding in the event log, in a file of the data folder, so that forwarding resumes after a crash.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::atomic_file;
use crate::store::Cursor;

/// The prefix of the files in the data folder; the project's token follows.
const FILE_PREFIX: &str = "forwarded.";

/// A position in the log: after an event, and after some requests of the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ForwardPosition {
    /// The last event whose requests were all sent.
    pub(super) after: Cursor,
    /// How many requests of the next event were answered.
    pub(super) sent: usize,
}

/// The file that holds a position.
#[derive(Clone, Debug)]
pub(super) struct PositionFile(PathBuf);

impl PositionFile {
    /// Returns the file of a project and its position. A new file begins with the next event after `head`.
    pub(super) fn open(folder: &Path, token: &str, head: Cursor) -> io::Result<(Self, ForwardPosition)> {
        let file = Self(folder.join(format!("{FILE_PREFIX}{token}")));
        match fs::read_to_string(&file.0) {
            Ok(text) => {
                let position =
                    parse(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the file contains no log position"))?;
                Ok((file, position))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let position = ForwardPosition { after: head, sent: 0 };
                file.save(position)?;
                Ok((file, position))
            }
            Err(error) => Err(error),
        }
    }

    /// Stores a position durably.
    pub(super) fn save(&self, position: ForwardPosition) -> io::Result<()> {
        atomic_file::replace(&self.0, format!("{} {}\n", position.after, position.sent).as_bytes())
    }
}

fn parse(text: &str) -> Option<ForwardPosition> {
    let (after, sent) = text.trim().split_once(' ')?;
    Some(ForwardPosition { after: after.parse().ok()?, sent: sent.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_position_is_restored_and_a_new_file_begins_at_the_end_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let head: Cursor = "e2a".parse().unwrap();
        let (file, first) = PositionFile::open(folder.path(), "t", head).unwrap();
        assert_eq!(first, ForwardPosition { after: head, sent: 0 });
        let later = ForwardPosition { after: "e2b".parse().unwrap(), sent: 3 };
        file.save(later).unwrap();
        let (_, restored) = PositionFile::open(folder.path(), "t", Cursor::START).unwrap();
        assert_eq!(restored, later);
    }

    #[test]
    fn an_invalid_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("forwarded.t"), "nonsense").unwrap();
        assert!(PositionFile::open(folder.path(), "t", Cursor::START).is_err());
    }
}
