//! How far forwarding has come, in a file of its own that outlives every kill.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::store::Cursor;

/// How the names of the files in the data folder begin; the project's token follows.
const STEM: &str = "forwarded.";

/// A place in the log: behind an event, and behind some requests of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The last event of which everything was told.
    pub(super) after: Cursor,
    /// How many requests of the event after it were answered.
    pub(super) told: usize,
}

/// Where a place is kept.
#[derive(Clone, Debug)]
pub(super) struct Bookmark(PathBuf);

impl Bookmark {
    /// Returns the bookmark of a project and the place it is at. Where none was kept, forwarding begins with the next event after `head`.
    pub(super) fn open(folder: &Path, token: &str, head: Cursor) -> io::Result<(Self, Place)> {
        let bookmark = Self(folder.join(format!("{STEM}{token}")));
        match fs::read_to_string(&bookmark.0) {
            Ok(text) => {
                let place = read(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no place in the log stands in it"))?;
                Ok((bookmark, place))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let place = Place { after: head, told: 0 };
                bookmark.keep(place)?;
                Ok((bookmark, place))
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps a place. It is written beside the file and then moved there, so that a kill in between leaves the one before.
    pub(super) fn keep(&self, place: Place) -> io::Result<()> {
        let beside = self.0.with_added_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&beside)?;
        writeln!(file, "{} {}", place.after, place.told)?;
        file.sync_all()?;
        fs::rename(&beside, &self.0)
    }
}

fn read(text: &str) -> Option<Place> {
    let (after, told) = text.trim().split_once(' ')?;
    Some(Place { after: after.parse().ok()?, told: told.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_again_and_the_first_is_the_end_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let head: Cursor = "e2a".parse().unwrap();
        let (bookmark, first) = Bookmark::open(folder.path(), "t", head).unwrap();
        assert_eq!(first, Place { after: head, told: 0 });
        let later = Place { after: "e2b".parse().unwrap(), told: 3 };
        bookmark.keep(later).unwrap();
        let (_, found) = Bookmark::open(folder.path(), "t", Cursor::START).unwrap();
        assert_eq!(found, later);
    }

    #[test]
    fn a_file_of_something_else_is_no_place() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("forwarded.t"), "nonsense").unwrap();
        assert!(Bookmark::open(folder.path(), "t", Cursor::START).is_err());
    }
}
