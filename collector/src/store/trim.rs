//! Taking events out of the log whose time there is over, a few at a time.
//!
//! Events go in the order in which they came: `head.trimmed` is the place of the last that went, and nobody is shown anything up to it.
//! The state of the shop stays. It is derived from what people put into carts and told of themselves, so of such events that remains, and
//! nothing else of them.

use rusqlite::{Connection, Row, params};

/// Takes out events that came before `before`, in milliseconds since 1970, at most `limit` of them. Returns how many it were.
pub(super) fn trim(connection: &Connection, before: u64, limit: usize) -> rusqlite::Result<u64> {
    let from: i64 = connection.prepare_cached("SELECT trimmed FROM head")?.query_row([], |row| row.get(0))?;
    let Some((last, count)) = over(connection, from, before, limit)? else { return Ok(0) };
    connection.prepare_cached("DELETE FROM event WHERE seq > ?1 AND seq <= ?2 AND step IS NULL")?.execute([from, last])?;
    let bare = "UPDATE event SET page = '', session = NULL, api = '' WHERE seq > ?1 AND seq <= ?2";
    connection.prepare_cached(bare)?.execute([from, last])?;
    connection.prepare_cached("UPDATE head SET trimmed = ?1")?.execute([last])?;
    Ok(count)
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
