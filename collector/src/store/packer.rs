//! From the events of a transaction to rows of the log, each with as many of them as fit.

use rusqlite::{Connection, params};

use super::record;

/// From so many bytes on a pack takes no further event.
const FULL: usize = 32 * 1024;

/// The most events of a pack: who looks for one walks through all of them.
const PLACES: i64 = 128;

/// Writes the events of one project behind the end of the log.
pub(super) struct Packer<'a> {
    connection: &'a Connection,
    project: i64,
    /// The number of the last event of which the place is known.
    last: i64,
    /// How many places after that one are empty so far.
    left_out: i64,
    count: i64,
    /// When the youngest event of the pack came.
    received_at: u64,
    body: Vec<u8>,
}

impl<'a> Packer<'a> {
    /// Returns one for a log whose last event has this number.
    pub(super) fn new(connection: &'a Connection, project: i64, last: i64) -> Self {
        Self { connection, project, last, left_out: 0, count: 0, received_at: 0, body: Vec::new() }
    }

    /// Returns the project whose events these are.
    pub(super) fn project(&self) -> i64 {
        self.project
    }

    /// Returns the number of the next place.
    pub(super) fn next(&self) -> i64 {
        self.last + self.left_out + 1
    }

    /// Leaves the next place empty.
    pub(super) fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// Puts an event into the next place, and returns its number.
    pub(super) fn add(&mut self, place: &[u8], received_at: u64) -> rusqlite::Result<i64> {
        let left_out = std::mem::take(&mut self.left_out);
        if self.body.len() + place.len() > FULL || self.count + left_out >= PLACES {
            self.write()?;
        }
        // Before the first event of a pack there is no need for a place.
        if !self.body.is_empty() {
            (0..left_out).for_each(|_| record::write_empty(&mut self.body));
            self.count += left_out;
        }
        self.body.extend_from_slice(place);
        self.count += 1;
        self.last += left_out + 1;
        self.received_at = self.received_at.max(received_at);
        Ok(self.last)
    }

    /// Writes what is left, and returns the number of the last event.
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
