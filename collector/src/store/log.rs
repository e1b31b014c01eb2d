//! The log: how events go in, each once, and how they come out, in the order in which they went in.
//!
//! An event costs the writing thread one row of `once`, the table of ids. The event itself has a place in a row that it shares
//! with others, see [`record`](super::record), and its number is that of its place.

use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use tillroll_protocol::event::Visitor;
use tillroll_protocol::json_writer;
use uuid::Uuid;

use super::pack::Mark;
use super::packer::Packer;
use super::queue::Entries;
use super::record::{self, Record};
use super::shop::{Keeper, Voucher};
use super::{Appended, Cursor, Range, identity, step};

/// How many ids are taken down by one statement: to begin and to end one costs about as much as to take down two.
const IDS: usize = 32;

/// Takes one id down.
static ONE: LazyLock<String> = LazyLock::new(|| take_down(1));

/// Takes as many down as one statement takes.
static MANY: LazyLock<String> = LazyLock::new(|| take_down(IDS));

/// An id that is there already is passed over.
fn take_down(rows: usize) -> String {
    let rows = vec!["(?1, ?, ?, ?)"; rows].join(", ");
    format!("INSERT INTO once (project, high, low, seq) VALUES {rows} ON CONFLICT DO NOTHING")
}

/// The two halves of an id, under which the table of ids has it: numbers are compared faster than bytes.
pub(super) fn halves(key: &Uuid) -> [i64; 2] {
    let (high, low) = key.as_u64_pair();
    [high.cast_signed(), low.cast_signed()]
}

/// Forgets that there was an event with this id and number. One that was sent again after it had gone has another number, and stays known.
pub(super) fn forget(connection: &Connection, project: i64, key: &Uuid, seq: i64) -> rusqlite::Result<()> {
    let [high, low] = halves(key);
    let forget = "DELETE FROM once WHERE high = ?1 AND low = ?2 AND project = ?3 AND seq = ?4";
    connection.prepare_cached(forget)?.execute([high, low, project, seq]).map(|_| ())
}

/// Takes down the id of an event that has a number already.
pub(super) fn take_over(connection: &Connection, project: i64, key: &Uuid, seq: i64) -> rusqlite::Result<()> {
    let [high, low] = halves(key);
    connection.prepare_cached(&ONE)?.execute([project, high, low, seq]).map(|_| ())
}

/// Appends events within one transaction.
pub(super) struct Appender<'a> {
    connection: &'a Connection,
    seq: i64,
}

impl<'a> Appender<'a> {
    pub(super) fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        let Cursor(seq) = head(connection)?;
        Ok(Self { connection, seq })
    }

    /// Appends the events of requests to one project, and returns what became of those of each.
    ///
    /// The place of one that was there stays empty.
    pub(super) fn append(&mut self, requests: &[&Entries], shop: &mut Keeper<'_>) -> rusqlite::Result<Vec<Appended>> {
        let Some(Entries { project, .. }) = requests.first() else { return Ok(Vec::new()) };
        let marks: Vec<&Mark> = requests.iter().flat_map(|entries| entries.pack.marks()).collect();
        let all_new = self.take_down(*project, &marks)?;
        let mut is_new = all_new.as_slice();
        let mut packer = Packer::new(self.connection, *project, self.seq);
        let mut results = Vec::with_capacity(requests.len());
        for Entries { pack, .. } in requests {
            let mut accepted = 0;
            for (part, places) in pack.parts() {
                let here = is_new.split_off(..places).unwrap_or_default();
                let new = here.iter().filter(|is_new| **is_new).count();
                match new {
                    0 => packer.skip(places),
                    _ if new == places => packer.add(part, places, pack.received_at())?,
                    _ => packer.add(&record::without(part, |at| here.get(at) == Some(&true))?, places, pack.received_at())?,
                }
                accepted += new as u64;
            }
            results.push(Appended { accepted, duplicates: pack.len() as u64 - accepted });
        }
        let vouchers = requests.iter().flat_map(|entries| entries.pack.marks().iter().map(|_| entries.pack.voucher()));
        for (((seq, mark), voucher), _) in (self.seq + 1..).zip(marks).zip(vouchers).zip(all_new).filter(|(_, is_new)| *is_new) {
            self.note(*project, seq, mark, voucher, shop)?;
        }
        self.seq = packer.finish()?;
        Ok(results)
    }

    /// Writes how far the log goes now. This writes even if nothing was appended, which is what a probe is for.
    pub(super) fn finish(self) -> rusqlite::Result<Cursor> {
        self.connection.prepare_cached("UPDATE head SET seq = ?1")?.execute([self.seq])?;
        Ok(Cursor(self.seq))
    }

    /// Takes down the ids of events that come next, and returns which of them are new.
    fn take_down(&self, project: i64, marks: &[&Mark]) -> rusqlite::Result<Vec<bool>> {
        let mut is_new = vec![true; marks.len()];
        let mut one = self.connection.prepare_cached(&ONE)?;
        let mut many = self.connection.prepare_cached(&MANY)?;
        let chunks = marks.chunks(IDS).zip(is_new.chunks_mut(IDS));
        for (first, (marks, is_new)) in (self.seq + 1..).step_by(IDS).zip(chunks) {
            if marks.len() < IDS {
                for ((seq, mark), is_new) in (first..).zip(marks).zip(is_new) {
                    *is_new = execute(&mut one, project, seq, &[mark])? > 0;
                }
            } else if execute(&mut many, project, first, marks)? < IDS {
                self.look_up(project, first, marks, is_new)?;
            }
        }
        Ok(is_new)
    }

    /// Looks which of the ids stand under the numbers that they were to have.
    fn look_up(&self, project: i64, first: i64, marks: &[&Mark], is_new: &mut [bool]) -> rusqlite::Result<()> {
        let query = "SELECT seq FROM once WHERE high = ?1 AND low = ?2 AND project = ?3";
        let mut found = self.connection.prepare_cached(query)?;
        for ((seq, mark), is_new) in (first..).zip(marks).zip(is_new) {
            let [high, low] = halves(&mark.key);
            *is_new = found.query_row([high, low, project], |row| row.get::<_, i64>(0))? == seq;
        }
        Ok(())
    }

    /// Takes over what a newly stored event says.
    fn note(&self, project: i64, seq: i64, mark: &Mark, voucher: Voucher, shop: &mut Keeper<'_>) -> rusqlite::Result<()> {
        let Some(event) = &mark.telling else { return Ok(()) };
        if let Some(part) = voucher.step_of(&event.kind) {
            step::keep(self.connection, project, seq, part, &mark.key, event)?;
        }
        identity::learn(self.connection, project, &mark.key, event, shop)?;
        shop.note(project, &mark.key, event, voucher)
    }
}

/// Runs a statement for as many ids as it takes, and returns how many were new.
fn execute(statement: &mut CachedStatement<'_>, project: i64, first: i64, marks: &[&Mark]) -> rusqlite::Result<usize> {
    statement.raw_bind_parameter(1, project)?;
    let mut at = 1;
    for (seq, mark) in (first..).zip(marks) {
        let [high, low] = halves(&mark.key);
        for value in [high, low, seq] {
            at += 1;
            statement.raw_bind_parameter(at, value)?;
        }
    }
    statement.raw_execute()
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
    let Range { project, after: Cursor(after), until: Cursor(until), limit } = range;
    let mut statement = connection.prepare_cached(
        "SELECT last, count, body FROM pack INDEXED BY pack_of_project
         WHERE project = ?1 AND last > MAX(?2, (SELECT trimmed FROM head)) ORDER BY last",
    )?;
    let mut rows = statement.query(params![project, after])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        for (seq, record) in record::events(row.get_ref(2)?.as_blob()?, row.get(0)?, row.get(1)?)? {
            if seq > until || events.len() == limit {
                return Ok(events);
            }
            if seq > after {
                events.push(stored(connection, project, Cursor(seq), &record)?);
            }
        }
    }
    Ok(events)
}

/// Returns the place before the newest `count` events of a project.
pub(super) fn before_newest(connection: &Connection, project: i64, count: usize) -> rusqlite::Result<Cursor> {
    let query = "SELECT last, count, body FROM pack INDEXED BY pack_of_project WHERE project = ?1 ORDER BY last DESC";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([project])?;
    let mut left = count;
    while let Some(row) = rows.next()? {
        for (seq, _) in record::events(row.get_ref(2)?.as_blob()?, row.get(0)?, row.get(1)?)?.iter().rev() {
            match left.checked_sub(1) {
                Some(fewer) => left = fewer,
                None => return Ok(Cursor(*seq)),
            }
        }
    }
    Ok(Cursor::START)
}

/// Empties places of a project, which are in their order.
pub(super) fn empty(connection: &Connection, project: i64, places: &[i64]) -> rusqlite::Result<()> {
    // No other row can have the place. Whether this one has it is asked behind the limit: else those that follow would be looked through.
    let query = "SELECT last, count, body FROM (SELECT last, count, project, body FROM pack WHERE last >= ?1 ORDER BY last LIMIT 1)
                 WHERE last - count < ?1 AND project = ?2";
    let mut left = places;
    while let Some(first) = left.first() {
        let mut statement = connection.prepare_cached(query)?;
        let found: Option<(i64, i64, Vec<u8>)> =
            statement.query_row([*first, project], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
        let Some((last, count, body)) = found else {
            // It has left the log.
            left = left.get(1..).unwrap_or_default();
            continue;
        };
        let here = left.split_off(..left.partition_point(|seq| *seq <= last)).unwrap_or_default();
        let first = last - count + 1;
        let kept = record::without(&body, |at| here.binary_search(&(first + at as i64)).is_err())?;
        connection.prepare_cached("UPDATE pack SET body = ?1 WHERE last = ?2")?.execute(params![kept, last])?;
    }
    Ok(())
}

/// Parameters were stored as JSON, so they are passed on as they are.
fn stored(connection: &Connection, project: i64, cursor: Cursor, record: &Record<'_>) -> rusqlite::Result<Stored> {
    let known = identity::known_as(connection, project, record.who, record.time)?;
    let mut out = String::with_capacity(640);
    out.push('{');
    json_writer::push_field(&mut out, "cursor", &cursor.to_string());
    json_writer::push_field(&mut out, "id", record.key.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    json_writer::push_field(&mut out, "type", record.kind);
    json_writer::push_field(&mut out, "api", record.api);
    for (name, number) in [("time", record.time), ("received_at", record.received_at)] {
        json_writer::push_key(&mut out, name);
        json_writer::push_integer(&mut out, number);
    }
    let visitor = if let Some(Visitor::Id(visitor)) = record.who { Some(visitor) } else { None };
    for (name, text) in [("visitor_id", visitor), ("email", known.as_deref()), ("session_id", record.session), ("store_id", record.store)] {
        json_writer::push_key(&mut out, name);
        match text {
            Some(text) => json_writer::push_string(&mut out, text),
            None => out.push_str("null"),
        }
    }
    finish(record, &mut out);
    Ok(Stored { cursor, json: out })
}

fn finish(record: &Record<'_>, out: &mut String) {
    json_writer::push_key(out, "page");
    record.page.write(out);
    json_writer::push_key(out, "params");
    out.push_str(record.params);
    if record.is_bot {
        json_writer::push_key(out, "bot");
        out.push_str("true");
    }
    out.push('}');
}
