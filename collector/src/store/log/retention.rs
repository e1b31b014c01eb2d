//! Deletes expired events from the log, a few segments at a time.
//!
//! Segments are deleted in the order of the log, and `log_head.trimmed_until` is the number of the last deleted event: no reader gets an event
//! up to it. The state stays. Copies of state events stay too until the state is compacted, up to `log_head.compacted_until`.

use rusqlite::{Connection, Row};

use super::codec::decode_segment;
use super::event_ids;

/// The result of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// How many events the step deleted.
    pub deleted: u64,
    /// Whether the next step probably finds expired events too.
    pub has_more: bool,
}

/// The watermarks of the log.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Watermarks {
    /// Events up to this number have left the log.
    pub(in crate::store) trimmed_until: i64,
    /// State events up to this number are compacted.
    pub(in crate::store) compacted_until: i64,
}

impl Watermarks {
    pub(in crate::store) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let row = |row: &Row<'_>| Ok(Self { trimmed_until: row.get(0)?, compacted_until: row.get(1)? });
        connection.prepare_cached("SELECT trimmed_until, compacted_until FROM log_head")?.query_row([], row)
    }

    pub(in crate::store) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        let update = "UPDATE log_head SET trimmed_until = ?1, compacted_until = ?2";
        connection.prepare_cached(update)?.execute([self.trimmed_until, self.compacted_until]).map(|_| ())
    }
}

/// Deletes segments in which every event arrived before `before`, in milliseconds since 1970: at most `limit` events, or the first segment if
/// that one has more. Returns how many events were deleted and moves `watermarks.trimmed_until`.
pub(in crate::store) fn delete_expired(
    connection: &Connection,
    watermarks: &mut Watermarks,
    before: u64,
    limit: usize,
) -> rusqlite::Result<Trimmed> {
    let expired = expired_segments(connection, watermarks.trimmed_until, before, limit)?;
    let deleted = expired.iter().try_fold(0, |deleted, segment| segment.delete(connection).map(|more| deleted + more))?;
    watermarks.trimmed_until = expired.last().map_or(watermarks.trimmed_until, |segment| segment.last_seq);
    Ok(Trimmed { deleted, has_more: !expired.is_empty() })
}

struct ExpiredSegment {
    last_seq: i64,
    project: i64,
    slots: i64,
    body: Vec<u8>,
}

impl ExpiredSegment {
    /// Deletes the segment and the ids of its events, and returns how many events were in it. State events keep their ids until compaction.
    ///
    /// A damaged segment is deleted too. Otherwise it would block all segments after it, and the step would fail for the writes that share
    /// its transaction.
    fn delete(&self, connection: &Connection) -> rusqlite::Result<u64> {
        let events = decode_segment(&self.body, self.last_seq, self.slots).unwrap_or_else(|error| {
            tracing::error!(%error, last_seq = self.last_seq, "an expired segment is damaged; the ids of its events stay in the store");
            Vec::new()
        });
        for (seq, event) in events.iter().filter(|(_, event)| !event.is_state_event) {
            event_ids::delete_id(connection, self.project, &event.id, *seq)?;
        }
        connection.prepare_cached("DELETE FROM segment WHERE last_seq = ?1")?.execute([self.last_seq])?;
        Ok(events.len() as u64)
    }
}

fn expired_segments(connection: &Connection, after: i64, before: u64, limit: usize) -> rusqlite::Result<Vec<ExpiredSegment>> {
    let query = "SELECT last_seq, project, slots, received_at, body FROM segment WHERE last_seq > ?1 ORDER BY last_seq";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([after])?;
    let (mut expired, mut total) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let slots: i64 = row.get(2)?;
        total += usize::try_from(slots).unwrap_or_default();
        if row.get::<_, i64>(3)?.cast_unsigned() >= before || (total > limit && !expired.is_empty()) {
            break;
        }
        expired.push(ExpiredSegment { last_seq: row.get(0)?, project: row.get(1)?, slots, body: row.get(4)? });
    }
    Ok(expired)
}
