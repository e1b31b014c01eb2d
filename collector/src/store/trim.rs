//! Taking events out of the log whose time there is over, a few packs at a time.
//!
//! Events go in the order in which they came: `head.trimmed` is the place of the last that went, and nobody is shown anything up to it.
//! The state of the shop stays. It is derived from what people put into carts and told of themselves, so of what goes on the steps stay;
//! what is over is settled, which makes them needless. `head.settled` is the place up to which that was done. The id of an event is known
//! as long as anything of it is there.

use rusqlite::{Connection, Row, params};

use super::shop::{Keeper, Old};
use super::{log, record};

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// How many events left the log.
    pub gone: u64,
    /// Whether the next step is likely to find something, too.
    pub more: bool,
}

/// Takes out events that came before `before`, in milliseconds since 1970: at most `limit` of them, or the one pack that has more.
pub(super) fn trim(connection: &Connection, shop: &mut Keeper<'_>, before: u64, limit: usize) -> rusqlite::Result<Trimmed> {
    let places = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (trimmed, settled) = connection.prepare_cached("SELECT trimmed, settled FROM head")?.query_row([], places)?;
    let over = over(connection, trimmed, before, limit)?;
    let trimmed = over.last().map_or(trimmed, |pack| pack.last);
    let gone = over.iter().try_fold(0, |gone, pack| pack.take_out(connection).map(|more| gone + more))?;
    let old = old(connection, settled, trimmed, limit)?;
    let until = old.last().filter(|_| old.len() == limit).map_or(trimmed, |old| old.seq);
    shop.settle(&old, until)?;
    connection.prepare_cached("UPDATE head SET trimmed = ?1, settled = ?2")?.execute([trimmed, until])?;
    Ok(Trimmed { gone, more: !over.is_empty() || old.len() == limit })
}

/// Has the steps that stayed looked at once more: some stayed for the sake of one that was erased.
pub(super) fn settle_anew(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE head SET settled = 0")?.execute([]).map(|_| ())
}

/// A pack whose time is over.
struct Over {
    last: i64,
    project: i64,
    count: i64,
    body: Vec<u8>,
}

impl Over {
    /// Takes the pack out, and returns how many events were in it.
    ///
    /// One that cannot be read goes as well, else whatever follows it would stay, and whoever stores something meanwhile be refused.
    fn take_out(&self, connection: &Connection) -> rusqlite::Result<u64> {
        let events = record::events(&self.body, self.last, self.count).unwrap_or_else(|error| {
            tracing::error!(%error, last = self.last, "what left the log could not be read; the ids in it stay known");
            Vec::new()
        });
        for (seq, record) in events.iter().filter(|(_, record)| !record.is_step) {
            log::forget(connection, self.project, &record.key, *seq)?;
        }
        connection.prepare_cached("DELETE FROM pack WHERE last = ?1")?.execute([self.last])?;
        Ok(events.len() as u64)
    }
}

/// Returns the packs after a place of which every event came before a time.
fn over(connection: &Connection, from: i64, before: u64, limit: usize) -> rusqlite::Result<Vec<Over>> {
    let query = "SELECT last, project, count, received_at, body FROM pack WHERE last > ?1 ORDER BY last";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([from])?;
    let (mut over, mut places) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let count: i64 = row.get(2)?;
        places += usize::try_from(count).unwrap_or_default();
        if row.get::<_, i64>(3)?.cast_unsigned() >= before || (places > limit && !over.is_empty()) {
            break;
        }
        over.push(Over { last: row.get(0)?, project: row.get(1)?, count, body: row.get(4)? });
    }
    Ok(over)
}

/// Returns what of a part of the log that was trimmed was kept for the state, in the order of the log.
fn old(connection: &Connection, from: i64, until: i64, limit: usize) -> rusqlite::Result<Vec<Old>> {
    let query = "SELECT seq, project, step, visitor, email, time, id, type, store, params FROM step WHERE seq > ?1 AND seq <= ?2
                 ORDER BY seq LIMIT ?3";
    let mut statement = connection.prepare_cached(query)?;
    statement.query_map(params![from, until, i64::try_from(limit).unwrap_or(i64::MAX)], Old::read)?.collect()
}
