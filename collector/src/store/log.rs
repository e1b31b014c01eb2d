//! The log: how events go in, each once, and how they come out, in the order in which they went in.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use rusqlite::types::{ToSql, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};
use tillroll_protocol::event::Visitor;
use tillroll_protocol::json;

use super::queue::{Entries, Entry};
use super::shop::{Keeper, Voucher};
use super::stretch::{Stretches, log_of_project};
use super::{Appended, Cursor, Range, identity};
use crate::decode::Incoming;

/// How many events of a request are stored by one statement: to begin and to end one costs about as much as to store two.
const ROWS: usize = 16;

/// The values of one event.
const COLUMNS: usize = 15;

/// Stores one event.
static ONE: LazyLock<String> = LazyLock::new(|| insert(1));

/// Stores as many as one statement takes.
static MANY: LazyLock<String> = LazyLock::new(|| insert(ROWS));

/// An event that is there already is passed over. A statement that fails otherwise leaves what it did, and the transaction is given up.
fn insert(rows: usize) -> String {
    let row = format!("({})", ["?"; COLUMNS].join(", "));
    let rows = vec![row; rows].join(", ");
    format!(
        "INSERT OR FAIL INTO event (seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step, bot)
         VALUES {rows} ON CONFLICT (project, id) DO NOTHING"
    )
}

/// Appends events within one transaction.
pub(super) struct Appender<'a> {
    connection: &'a Connection,
    one: CachedStatement<'a>,
    many: Option<CachedStatement<'a>>,
    stretches: Stretches,
    seq: i64,
}

impl<'a> Appender<'a> {
    pub(super) fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        let Cursor(seq) = head(connection)?;
        let one = connection.prepare_cached(&ONE)?;
        Ok(Self { connection, one, many: None, stretches: Stretches::default(), seq })
    }

    pub(super) fn append(&mut self, entries: &Entries, shop: &mut Keeper<'_>) -> rusqlite::Result<Appended> {
        let mut accepted = 0;
        let (chunks, rest) = entries.events.as_chunks::<ROWS>();
        for chunk in chunks {
            accepted += self.append_many(entries, chunk, shop)?;
        }
        for entry in rest {
            bind(&mut self.one, 0, self.seq + 1, entries, entry)?;
            if self.one.raw_execute()? > 0 {
                self.seq += 1;
                self.note(entries, entry, self.seq, shop)?;
                accepted += 1;
            }
        }
        Ok(Appended { accepted, duplicates: entries.events.len() as u64 - accepted })
    }

    /// Writes how far the log goes now. This writes even if nothing was appended, which is what a probe is for.
    pub(super) fn finish(self) -> rusqlite::Result<Cursor> {
        self.connection.prepare_cached("UPDATE head SET seq = ?1")?.execute([self.seq])?;
        Ok(Cursor(self.seq))
    }

    /// Returns how many were new. The place of one that was not stays empty, unless none that was new comes after it.
    fn append_many(&mut self, entries: &Entries, chunk: &[Entry; ROWS], shop: &mut Keeper<'_>) -> rusqlite::Result<u64> {
        let many = match &mut self.many {
            Some(many) => many,
            none => none.insert(self.connection.prepare_cached(&MANY)?),
        };
        for (row, (entry, seq)) in chunk.iter().zip(self.seq + 1..).enumerate() {
            bind(many, row, seq, entries, entry)?;
        }
        let added = many.raw_execute()?;
        let all = (self.seq + 1..).zip(chunk);
        let there = if added == ROWS { None } else { Some(self.there(ROWS)?) };
        for (seq, entry) in all.filter(|(seq, _)| there.as_ref().is_none_or(|there| there.contains(seq))) {
            self.note(entries, entry, seq, shop)?;
            self.seq = seq;
        }
        Ok(added as u64)
    }

    /// Returns which of so many places after the end of the log have an event by now.
    fn there(&self, places: usize) -> rusqlite::Result<BTreeSet<i64>> {
        let mut there = self.connection.prepare_cached("SELECT seq FROM event WHERE seq > ?1 LIMIT ?2")?;
        there.query_map([self.seq, places as i64], |row| row.get(0))?.collect()
    }

    /// Takes over what a newly stored event says.
    fn note(&mut self, entries: &Entries, entry: &Entry, seq: i64, shop: &mut Keeper<'_>) -> rusqlite::Result<()> {
        let Incoming { key, event } = &entry.incoming;
        self.stretches.keep(self.connection, entries.project, seq)?;
        identity::learn(self.connection, entries.project, key, event, shop)?;
        shop.note(entries.project, key, event, entries.voucher)
    }
}

/// Gives a statement the values of an event for one of its rows.
fn bind(insert: &mut CachedStatement<'_>, row: usize, seq: i64, entries: &Entries, entry: &Entry) -> rusqlite::Result<()> {
    let Incoming { key, event } = &entry.incoming;
    let (visitor, email) = match &event.visitor {
        // A back end that knows nobody.
        Visitor::Id(id) if id.is_empty() => (None, None),
        Visitor::Id(id) => (Some(id), None),
        Visitor::Email(email) => (None, Some(email)),
    };
    let values: &[&dyn ToSql; COLUMNS] = &[
        &seq,
        &entries.project,
        key.as_bytes(),
        &event.kind,
        &event.api,
        &event.time.cast_signed(),
        &entries.received_at.cast_signed(),
        &visitor,
        &email,
        &event.session_id,
        &event.store_id,
        &entry.page,
        &event.params,
        &entries.voucher.step_of(&event.kind),
        &(entries.voucher == Voucher::Bot).then_some(1),
    ];
    (row * COLUMNS + 1..).zip(values).try_for_each(|(at, value)| insert.raw_bind_parameter(at, value))
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
         FROM ",
        log_of_project!(),
        " ORDER BY stretch.number, seq LIMIT ?4"
    ))?;
    let limit = i64::try_from(range.limit).unwrap_or(i64::MAX);
    statement.query_map(params![range.project, range.after.0, range.until.0, limit], stored)?.collect()
}

/// Returns the place before the newest `count` events of a project.
pub(super) fn before_newest(connection: &Connection, project: i64, count: usize) -> rusqlite::Result<Cursor> {
    let query = concat!("SELECT seq FROM ", log_of_project!(), " ORDER BY stretch.number DESC, seq DESC LIMIT 1 OFFSET ?4");
    let mut statement = connection.prepare_cached(query)?;
    let skip = i64::try_from(count).unwrap_or(i64::MAX);
    let seq = statement.query_row(params![project, 0, i64::MAX, skip], |row| row.get(0)).optional()?;
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
