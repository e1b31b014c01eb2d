//! Taking events out of the log whose time there is over, a few at a time.
//!
//! Events go in the order in which they came: `head.trimmed` is the place of the last that went, and nobody is shown anything up to it.
//! The state of the shop stays. It is derived from what people put into carts and told of themselves, so what goes on of that is kept, bare
//! of everything else; what is over is settled, which makes its events needless. `head.settled` is the place up to which that was done.

use rusqlite::{Connection, Row, params};

use super::shop::{Keeper, Old};
use super::stretch;

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// How many events left the log.
    pub gone: u64,
    /// Whether the next step is likely to find something, too.
    pub more: bool,
}

/// Takes out events that came before `before`, in milliseconds since 1970, at most `limit` of them.
pub(super) fn trim(connection: &Connection, shop: &mut Keeper<'_>, before: u64, limit: usize) -> rusqlite::Result<Trimmed> {
    let places = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (mut trimmed, settled) = connection.prepare_cached("SELECT trimmed, settled FROM head")?.query_row([], places)?;
    let mut gone = 0;
    if let Some((last, count)) = over(connection, trimmed, before, limit)? {
        connection.prepare_cached("DELETE FROM event WHERE seq > ?1 AND seq <= ?2 AND step IS NULL")?.execute([trimmed, last])?;
        let bare = "UPDATE event SET page = '', session = NULL, api = '' WHERE seq > ?1 AND seq <= ?2";
        connection.prepare_cached(bare)?.execute([trimmed, last])?;
        stretch::trim(connection, last)?;
        (trimmed, gone) = (last, count);
    }
    let old = old(connection, settled, trimmed, limit)?;
    let until = old.last().filter(|_| old.len() == limit).map_or(trimmed, |old| old.seq);
    shop.settle(&old, until)?;
    connection.prepare_cached("UPDATE head SET trimmed = ?1, settled = ?2")?.execute([trimmed, until])?;
    Ok(Trimmed { gone, more: gone == limit as u64 || old.len() == limit })
}

/// Returns the place of the last event of those after `from` whose time is over, and how many there are.
fn over(connection: &Connection, from: i64, before: u64, limit: usize) -> rusqlite::Result<Option<(i64, u64)>> {
    let mut statement = connection.prepare_cached("SELECT seq, received_at FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    let place = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?.cast_unsigned()));
    let mut last = None;
    for (count, row) in (1..).zip(statement.query_map(params![from, i64::try_from(limit).unwrap_or(i64::MAX)], place)?) {
        let (seq, received_at) = row?;
        if received_at >= before {
            break;
        }
        last = Some((seq, count));
    }
    Ok(last)
}

/// Returns what of a part of the log that was trimmed was kept for the state, in the order of the log.
fn old(connection: &Connection, from: i64, until: i64, limit: usize) -> rusqlite::Result<Vec<Old>> {
    let query = "SELECT seq, project, step, visitor, email, time, id, type, store, params FROM event WHERE seq > ?1 AND seq <= ?2
                 ORDER BY seq LIMIT ?3";
    let mut statement = connection.prepare_cached(query)?;
    statement.query_map(params![from, until, i64::try_from(limit).unwrap_or(i64::MAX)], Old::read)?.collect()
}
