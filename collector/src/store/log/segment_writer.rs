//! Writes frames to rows of the log, as many to a row as fit.

use rusqlite::{Connection, params};

use super::codec::{Frame, append_frame};

/// A segment gets no further frame that would make it longer. A row of several pages wastes less of its last page.
const MAX_SEGMENT_BYTES: usize = 32 * 1024;

/// The most slots of a segment: to read one event, all slots of its segment are decoded.
pub(in crate::store) const MAX_SEGMENT_SLOTS: i64 = 512;

/// Appends the events of one project to the log.
pub(in crate::store) struct SegmentWriter<'a> {
    connection: &'a Connection,
    project: i64,
    /// The number of the last slot in the current segment or before it.
    last_seq: i64,
    /// The numbers after `last_seq` that belong to no segment.
    skipped: i64,
    slots: i64,
    /// The newest receive time in the segment.
    received_at: u64,
    body: Vec<u8>,
}

impl<'a> SegmentWriter<'a> {
    /// Returns a writer for a log in which the newest event has the number `last_seq`.
    pub(in crate::store) fn new(connection: &'a Connection, project: i64, last_seq: i64) -> Self {
        Self { connection, project, last_seq, skipped: 0, slots: 0, received_at: 0, body: Vec::new() }
    }

    /// Skips the numbers of slots that are not written.
    pub(in crate::store) fn skip(&mut self, slots: usize) {
        self.skipped += slots as i64;
    }

    /// Adds a frame.
    pub(in crate::store) fn add(&mut self, frame: Frame<'_>) -> rusqlite::Result<()> {
        let (header, bytes) = frame;
        let slots = header.slots() as i64;
        if self.skipped > 0 || self.body.len() + bytes.len() > MAX_SEGMENT_BYTES || self.slots + slots > MAX_SEGMENT_SLOTS {
            self.write()?;
        }
        append_frame(&mut self.body, frame);
        self.slots += slots;
        self.last_seq += std::mem::take(&mut self.skipped) + slots;
        self.received_at = self.received_at.max(header.received_at());
        Ok(())
    }

    /// Writes the last segment, and returns the number of its last slot.
    pub(in crate::store) fn finish(mut self) -> rusqlite::Result<i64> {
        self.write().map(|()| self.last_seq)
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        if !self.body.is_empty() {
            let insert = "INSERT INTO segment (last_seq, project, slots, received_at, body) VALUES (?1, ?2, ?3, ?4, ?5)";
            let row = params![self.last_seq, self.project, self.slots, self.received_at.cast_signed(), self.body];
            self.connection.prepare_cached(insert)?.execute(row)?;
        }
        self.body.clear();
        (self.slots, self.received_at) = (0, 0);
        Ok(())
    }
}
