//! From what requests tell to rows of the log, each with as much as fits.

use rusqlite::{Connection, params};

/// From so many bytes on a row takes nothing more. Rows of some pages leave less of the last one unused.
const FULL: usize = 32 * 1024;

/// The most places of a row: who looks for one walks through all of them.
pub(super) const PLACES: i64 = 512;

/// Writes the events of one project behind the end of the log.
pub(super) struct Packer<'a> {
    connection: &'a Connection,
    project: i64,
    /// The number of the last place that is known.
    last: i64,
    /// How many places behind it belong to nothing so far.
    skipped: i64,
    count: i64,
    /// When the youngest event of the row came.
    received_at: u64,
    body: Vec<u8>,
}

impl<'a> Packer<'a> {
    /// Returns one for a log whose last place has this number.
    pub(super) fn new(connection: &'a Connection, project: i64, last: i64) -> Self {
        Self { connection, project, last, skipped: 0, count: 0, received_at: 0, body: Vec::new() }
    }

    /// Leaves places out. They are in no row.
    pub(super) fn skip(&mut self, places: usize) {
        self.skipped += places as i64;
    }

    /// Adds a part with so many places.
    pub(super) fn add(&mut self, part: &[u8], places: usize, received_at: u64) -> rusqlite::Result<()> {
        let places = places as i64;
        if self.skipped > 0 || self.body.len() + part.len() > FULL || self.count + places > PLACES {
            self.write()?;
        }
        self.body.extend_from_slice(part);
        self.count += places;
        self.last += std::mem::take(&mut self.skipped) + places;
        self.received_at = self.received_at.max(received_at);
        Ok(())
    }

    /// Writes what is left, and returns the number of the last place.
    pub(super) fn finish(mut self) -> rusqlite::Result<i64> {
        self.write().map(|()| self.last)
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        if !self.body.is_empty() {
            let write = "INSERT INTO pack (last, project, count, received_at, body) VALUES (?1, ?2, ?3, ?4, ?5)";
            let row = params![self.last, self.project, self.count, self.received_at.cast_signed(), self.body];
            self.connection.prepare_cached(write)?.execute(row)?;
        }
        self.body.clear();
        (self.count, self.received_at) = (0, 0);
        Ok(())
    }
}
