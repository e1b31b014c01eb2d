//! The log: how events go in, each once, and how they come out, in the order in which they went in.

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};
use tillroll_protocol::event::Visitor;
use tillroll_protocol::json;

use super::queue::{Entries, Entry};
use super::shop::{Keeper, Voucher};
use super::{Appended, Cursor, Range, identity};
use crate::decode::Incoming;

/// Appends events within one transaction.
pub(super) struct Appender<'a> {
    connection: &'a Connection,
    insert: CachedStatement<'a>,
    seq: i64,
}

impl<'a> Appender<'a> {
    pub(super) fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        let Cursor(seq) = head(connection)?;
        let insert = connection.prepare_cached(
            "INSERT INTO event (seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step, bot)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
             ON CONFLICT (project, id) DO NOTHING",
        )?;
        Ok(Self { connection, insert, seq })
    }

    pub(super) fn append(&mut self, entries: &Entries, shop: &mut Keeper<'_>) -> rusqlite::Result<Appended> {
        let mut appended = Appended::default();
        for entry in &entries.events {
            if self.append_one(entries, entry, shop)? {
                appended.accepted += 1;
            } else {
                appended.duplicates += 1;
            }
        }
        Ok(appended)
    }

    /// Writes how far the log goes now. This writes even if nothing was appended, which is what a probe is for.
    pub(super) fn finish(self) -> rusqlite::Result<Cursor> {
        self.connection.prepare_cached("UPDATE head SET seq = ?1")?.execute([self.seq])?;
        Ok(Cursor(self.seq))
    }

    /// Returns whether the event was new.
    fn append_one(&mut self, entries: &Entries, entry: &Entry, shop: &mut Keeper<'_>) -> rusqlite::Result<bool> {
        let Incoming { key, event } = &entry.incoming;
        let (visitor, email) = match &event.visitor {
            // A back end that knows nobody.
            Visitor::Id(id) if id.is_empty() => (None, None),
            Visitor::Id(id) => (Some(id), None),
            Visitor::Email(email) => (None, Some(email)),
        };
        let added = self.insert.execute(params![
            self.seq + 1,
            entries.project,
            key.as_bytes(),
            event.kind,
            event.api,
            event.time.cast_signed(),
            entries.received_at.cast_signed(),
            visitor,
            email,
            event.session_id,
            event.store_id,
            entry.page,
            event.params,
            entries.voucher.step_of(&event.kind),
            (entries.voucher == Voucher::Bot).then_some(1),
        ])?;
        if added == 0 {
            return Ok(false);
        }
        self.seq += 1;
        identity::learn(self.connection, entries.project, key, event, shop)?;
        shop.note(entries.project, key, event, entries.voucher)?;
        Ok(true)
    }
}

/// An event as it is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the log.
    pub cursor: Cursor,
    /// The exported JSON, in one line.
    pub json: String,
}

/// Returns the place of the newest event.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<Cursor> {
    connection.prepare_cached("SELECT seq FROM head")?.query_row([], |row| row.get(0)).map(Cursor)
}

/// Returns the events of a range, oldest first, each with the e-mail under which its visitor is known now.
pub(super) fn read(connection: &Connection, range: Range) -> rusqlite::Result<Vec<Stored>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT seq, id, type, api, time, received_at, visitor, ",
        identity::known_as!(),
        ", session, store, page, params, bot
         FROM event INDEXED BY event_of_project WHERE project = ?1 AND seq > MAX(?2, (SELECT trimmed FROM head)) AND seq <= ?3 ORDER BY seq LIMIT ?4"
    ))?;
    let limit = i64::try_from(range.limit).unwrap_or(i64::MAX);
    statement.query_map(params![range.project, range.after.0, range.until.0, limit], stored)?.collect()
}

/// Returns the place before the newest `count` events of a project.
pub(super) fn before_newest(connection: &Connection, project: i64, count: usize) -> rusqlite::Result<Cursor> {
    let mut statement = connection.prepare_cached(
        "SELECT seq FROM event INDEXED BY event_of_project WHERE project = ?1 AND seq > (SELECT trimmed FROM head)
         ORDER BY seq DESC LIMIT 1 OFFSET ?2",
    )?;
    let skip = i64::try_from(count).unwrap_or(i64::MAX);
    let seq = statement.query_row(params![project, skip], |row| row.get(0)).optional()?;
    Ok(seq.map_or(Cursor::START, Cursor))
}

/// Page and parameters were stored as JSON, so they are passed on as they are.
fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let cursor = Cursor(row.get(0)?);
    let mut out = String::with_capacity(640);
    out.push('{');
    json::member(&mut out, "cursor", &cursor.to_string());
    json::member(&mut out, "id", &row.get::<_, uuid_blob::Id>(1)?.0);
    json::member(&mut out, "type", row.get_ref(2)?.as_str()?);
    json::member(&mut out, "api", row.get_ref(3)?.as_str()?);
    for (name, at) in [("time", 4), ("received_at", 5)] {
        json::key(&mut out, name);
        json::integer(&mut out, row.get::<_, i64>(at)?.cast_unsigned());
    }
    for (name, at) in [("visitor_id", 6), ("email", 7), ("session_id", 8), ("store_id", 9)] {
        json::key(&mut out, name);
        match row.get_ref(at)?.as_str_or_null()? {
            Some(text) => json::string(&mut out, text),
            None => out.push_str("null"),
        }
    }
    for (name, at) in [("page", 10), ("params", 11)] {
        json::key(&mut out, name);
        out.push_str(row.get_ref(at)?.as_str()?);
    }
    if row.get_ref(12)? != ValueRef::Null {
        json::key(&mut out, "bot");
        out.push_str("true");
    }
    out.push('}');
    Ok(Stored { cursor, json: out })
}

/// How the 16 bytes of an id become its text.
mod uuid_blob {
    use rusqlite::types::{FromSql, FromSqlResult, ValueRef};
    use uuid::Uuid;

    pub(super) struct Id(pub(super) String);

    impl FromSql for Id {
        fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
            <[u8; 16]>::column_result(value).map(|bytes| Self(Uuid::from_bytes(bytes).hyphenated().to_string()))
        }
    }
}
