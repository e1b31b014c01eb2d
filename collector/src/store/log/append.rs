//! Appends events to the log.
//!
//! For most events the writing thread inserts one row, in the deduplication index. The events themselves share rows, see
//! [`codec`](super::codec). The number of an event is that of its slot.

use rusqlite::Connection;

use super::batch::{EncodedBatch, EventMeta};
use super::codec::retain_slots_of_frame;
use super::cursor::Cursor;
use super::event_ids;
use super::event_reader::head;
use super::segment_writer::SegmentWriter;
use crate::store::trust::TrustLevel;

/// A batch for a project.
#[derive(Debug)]
pub(in crate::store) struct AppendRequest {
    /// The project's number in the store.
    pub(in crate::store) project: i64,
    pub(in crate::store) batch: EncodedBatch,
}

/// How many events of a request were stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The events that this request stored.
    pub accepted: u64,
    /// The events that were stored before, or are repeated in the request.
    pub duplicates: u64,
}

/// An event that was stored just now and whose type changes the state.
pub(in crate::store) struct NewStateEvent<'a> {
    pub(in crate::store) seq: i64,
    pub(in crate::store) meta: &'a EventMeta,
    pub(in crate::store) trust: TrustLevel,
}

/// Appends events within one transaction.
pub(in crate::store) struct Appender<'a> {
    connection: &'a Connection,
    seq: i64,
}

impl<'a> Appender<'a> {
    pub(in crate::store) fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        let Cursor(seq) = head(connection)?;
        Ok(Self { connection, seq })
    }

    /// Appends requests of one project. Returns the result of each, and the new events that change the state.
    ///
    /// The slot of a duplicate becomes a tombstone.
    pub(in crate::store) fn append<'r>(
        &mut self,
        project: i64,
        requests: &[&'r AppendRequest],
    ) -> rusqlite::Result<(Vec<Appended>, Vec<NewStateEvent<'r>>)> {
        let events = || requests.iter().flat_map(|request| request.batch.events().iter().map(|event| (event, request.batch.trust())));
        let ids: Vec<_> = events().map(|(event, _)| &event.id).collect();
        let is_new = event_ids::insert_ids(self.connection, project, self.seq, &ids)?;
        let new_state_events = (self.seq + 1..)
            .zip(events())
            .zip(&is_new)
            .filter(|((_, (meta, _)), is_new)| **is_new && meta.state_event.is_some())
            .map(|((seq, (meta, trust)), _)| NewStateEvent { seq, meta, trust })
            .collect();
        let mut writer = SegmentWriter::new(self.connection, project, self.seq);
        let mut rest = is_new.as_slice();
        let results = requests.iter().map(|request| write(&mut writer, &request.batch, &mut rest)).collect::<rusqlite::Result<_>>()?;
        self.seq = writer.finish()?;
        Ok((results, new_state_events))
    }

    /// Stores the number of the newest event. This writes even if nothing was appended, so that a probe of the disk writes.
    pub(in crate::store) fn finish(self) -> rusqlite::Result<Cursor> {
        self.connection.prepare_cached("UPDATE log_head SET seq = ?1")?.execute([self.seq])?;
        Ok(Cursor(self.seq))
    }
}

/// Writes the new events of a batch, and takes as many flags from `is_new` as it has events.
fn write(writer: &mut SegmentWriter<'_>, batch: &EncodedBatch, is_new: &mut &[bool]) -> rusqlite::Result<Appended> {
    let mut accepted = 0;
    for (header, mut bytes) in batch.frames() {
        let slots = header.slots();
        let is_new = is_new.split_off(..slots).unwrap_or_default();
        let count = is_new.iter().filter(|is_new| **is_new).count();
        match count {
            0 => writer.skip(slots),
            _ if count == slots => writer.add((header, bytes))?,
            _ => {
                let retained = retain_slots_of_frame(header, &mut bytes, |index| is_new.get(index) == Some(&true))?;
                retained.frames().try_for_each(|frame| writer.add(frame))?;
            }
        }
        accepted += count as u64;
    }
    Ok(Appended { accepted, duplicates: batch.len() as u64 - accepted })
}
