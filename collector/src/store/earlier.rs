//! How a log of an earlier version, which had a row for each event, becomes one of packs.
//!
//! It happens once, before the server takes anything, within the migration: whoever stops it finds the store as it was.

use std::borrow::Cow;

use rusqlite::{Connection, Row};
use serde::Deserialize;
use tillroll_protocol::event::{Page, Visitor};
use uuid::Uuid;

use super::log;
use super::packer::Packer;
use super::record::{Record, Writer};

/// An entry of the schema's history: which stretches of a log that had a row for each event hold events of a project.
pub(super) const STRETCHES: &str = "
    -- Which stretches of 64 numbers of the log hold events of a project.
    CREATE TABLE stretch (
        project INTEGER NOT NULL REFERENCES project (id),
        number INTEGER NOT NULL,
        PRIMARY KEY (project, number)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO stretch (project, number) SELECT DISTINCT project, seq >> 6 FROM event;
    DROP INDEX event_of_project;
";

/// The tables. What people put into carts (step 1) and told of themselves (step 2) is found by person.
const TABLES: &str = "
    -- The log: a row holds many events of a project. `last` is the number of the last of them, and they are numbered on end.
    CREATE TABLE pack (
        last INTEGER PRIMARY KEY,
        project INTEGER NOT NULL REFERENCES project (id),
        count INTEGER NOT NULL,
        received_at INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX pack_of_project ON pack (project);

    -- The ids of all events, each in two halves, and their numbers.
    CREATE TABLE once (
        high INTEGER NOT NULL,
        low INTEGER NOT NULL,
        project INTEGER NOT NULL REFERENCES project (id),
        seq INTEGER NOT NULL,
        PRIMARY KEY (high, low, project)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE step (
        seq INTEGER PRIMARY KEY,
        project INTEGER NOT NULL REFERENCES project (id),
        step INTEGER NOT NULL,
        visitor TEXT,
        email TEXT,
        time INTEGER NOT NULL,
        id BLOB NOT NULL,
        type TEXT NOT NULL,
        store TEXT,
        params TEXT NOT NULL,
        CHECK ((visitor IS NULL) <> (email IS NULL))
    ) STRICT;
    INSERT INTO step (seq, project, step, visitor, email, time, id, type, store, params)
        SELECT seq, project, step, visitor, email, time, id, type, store, params FROM event
        WHERE step IS NOT NULL AND COALESCE(visitor, email) IS NOT NULL ORDER BY seq;
    DROP INDEX step_of_visitor;
    DROP INDEX step_of_email;
    CREATE INDEX step_of_visitor ON step (project, visitor, step, time) WHERE visitor IS NOT NULL;
    CREATE INDEX step_of_email ON step (project, email, step, time) WHERE email IS NOT NULL;
";

/// What is left behind.
const LEFT: &str = "DROP TABLE event; DROP TABLE stretch;";

/// The most events that are written at a time.
const RUN: usize = 64;

/// The most milliseconds between the first and the last of them: what is in one row leaves the log together.
const HOUR: u64 = 60 * 60 * 1_000;

/// After so many events it is told how far the work has come.
const TOLD: usize = 1_000_000;

/// Packs the log.
pub(super) fn pack(connection: &Connection) -> rusqlite::Result<()> {
    let events: i64 = connection.query_row("SELECT COUNT(*) FROM event", [], |row| row.get(0))?;
    if events > 0 {
        tracing::info!(events, "the log is rewritten for this version, once");
    }
    connection.execute_batch(TABLES)?;
    pack_rows(connection)?;
    connection.execute_batch(LEFT)
}

fn pack_rows(connection: &Connection) -> rusqlite::Result<()> {
    let trimmed: i64 = connection.query_row("SELECT trimmed FROM head", [], |row| row.get(0))?;
    let query = "SELECT seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step, bot
                 FROM event ORDER BY seq";
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    let mut run = Run::default();
    for done in 1_usize.. {
        let Some(row) = rows.next()? else { break };
        let written = row.get_ref(11)?.as_str().ok().and_then(|page| serde_json::from_str(page).ok()).unwrap_or_default();
        let event = read(row, &written)?;
        let is_shown = event.seq > trimmed;
        // Of nobody nothing is derived, so nothing is left of what nobody did and was trimmed.
        if is_shown || event.record.is_step {
            log::take_over(connection, event.project, &event.record.key, event.seq)?;
        }
        if done.is_multiple_of(TOLD) {
            tracing::info!(done, "rewriting the log");
        }
        if is_shown {
            if !run.is_followed_by(&event) {
                std::mem::take(&mut run).write(connection)?;
            }
            run.add(&event);
        }
    }
    run.write(connection)
}

/// Events of a project that follow each other.
#[derive(Default)]
struct Run {
    project: i64,
    last: i64,
    received_at: Vec<u64>,
    parts: Writer,
}

impl Run {
    fn is_followed_by(&self, event: &Logged<'_>) -> bool {
        let is_soon = self.received_at.first().is_some_and(|first| event.record.received_at.abs_diff(*first) < HOUR);
        is_soon && (self.project, self.last + 1) == (event.project, event.seq) && self.received_at.len() < RUN
    }

    fn add(&mut self, event: &Logged<'_>) {
        (self.project, self.last) = (event.project, event.seq);
        self.received_at.push(event.record.received_at);
        self.parts.push(&event.record);
    }

    fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        let received_at = self.received_at.iter().copied().max().unwrap_or_default();
        let mut packer = Packer::new(connection, self.project, self.last - self.received_at.len() as i64);
        self.parts.parts().try_for_each(|(part, places)| packer.add(part, places, received_at))?;
        packer.finish().map(|_| ())
    }
}

/// An event as a row of the earlier log.
struct Logged<'a> {
    seq: i64,
    project: i64,
    record: Record<'a>,
}

/// The page of an event, which was kept as JSON.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Written<'a> {
    #[serde(borrow)]
    url: Cow<'a, str>,
    #[serde(borrow)]
    referrer: Cow<'a, str>,
    #[serde(borrow)]
    title: Cow<'a, str>,
}

fn read<'a>(row: &'a Row<'_>, written: &'a Written<'_>) -> rusqlite::Result<Logged<'a>> {
    let text = |at: usize| row.get_ref(at).and_then(|value| Ok(value.as_str_or_null()?));
    let number = |at: usize| row.get::<_, i64>(at).map(i64::cast_unsigned);
    let who = text(7)?.map(Visitor::Id).or(text(8)?.map(Visitor::Email));
    let record = Record {
        key: Uuid::from_bytes(row.get(2)?),
        time: number(5)?,
        received_at: number(6)?,
        kind: text(3)?.unwrap_or_default(),
        api: text(4)?.unwrap_or_default(),
        who,
        session: text(9)?,
        store: text(10)?,
        page: Page { url: &written.url, referrer: &written.referrer, title: &written.title },
        params: text(12)?.unwrap_or_default(),
        is_step: who.is_some() && row.get::<_, Option<i64>>(13)?.is_some(),
        is_bot: row.get::<_, Option<i64>>(14)?.is_some(),
    };
    Ok(Logged { seq: row.get(0)?, project: row.get(1)?, record })
}

#[cfg(test)]
mod tests {
    use super::super::shop::Keeper;
    use super::super::{Cursor, Range, schema, trim};
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::time::Duration;

    /// A store as a version left it that knew this many migrations.
    const BEFORE: usize = 7;

    fn export(connection: &Connection, project: i64) -> Vec<Value> {
        let range = Range { project, after: Cursor::START, until: Cursor(i64::MAX), limit: 100 };
        let stored = log::read(connection, range).unwrap();
        stored.iter().map(|event| serde_json::from_str(&event.json).unwrap()).collect()
    }

    #[test]
    fn every_event_has_its_number_and_all_that_was_known_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let mut connection = schema::connect(&path, Duration::ZERO).unwrap();
        schema::migrate_as_before(&connection, BEFORE);
        let [a, b] = ["a", "b"].map(|token| schema::project(&connection, token).unwrap());
        let insert =
            "INSERT INTO event (seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step, bot)
                      VALUES (?1, ?2, ?3, ?4, 'tillroll', ?1 + 100, ?1 + 200, ?5, ?6, ?7, ?8, ?9, '{\"product_id\":\"1\"}', ?10, ?11)";
        let page = r#"{"url":"https://x/\"q\"","title":"é"}"#;
        let put = |seq: i64, project: i64, email: Option<&str>, step: Option<i64>, bot: Option<i64>| {
            let (kind, visitor) = (if step.is_some() { "basket_add" } else { "product_view" }, email.is_none().then_some("ab"));
            let (session, store) = (bot.map(|_| "s1"), email.map(|_| "uk"));
            let row = rusqlite::params![seq, project, i128::from(seq).to_be_bytes(), kind, visitor, email, session, store, page, step, bot];
            connection.execute(insert, row).unwrap();
        };
        // The first two have left the log, and one of them was kept for the state.
        put(2, a, None, Some(1), None);
        put(3, a, None, None, None);
        put(5, a, Some("a@x.com"), None, None);
        put(6, a, None, Some(1), None);
        put(7, b, None, None, Some(1));
        put(400, a, None, None, None);
        connection.execute("UPDATE head SET seq = 500, trimmed = 3", []).unwrap();
        schema::migrate(&mut connection, &path).unwrap();
        let seen: Vec<_> = export(&connection, a).iter().map(|event| (event["cursor"].clone(), event["email"].clone())).collect();
        assert_eq!(seen, [(json!("e5"), json!("a@x.com")), (json!("e6"), Value::Null), (json!("e190"), Value::Null)]);
        assert_eq!(
            export(&connection, b),
            [json!({
                "cursor": "e7", "id": "00000000-0000-0000-0000-000000000007", "type": "product_view", "api": "tillroll", "time": 107,
                "received_at": 207, "visitor_id": "ab", "email": null, "session_id": "s1", "store_id": null,
                "page": {"url": "https://x/\"q\"", "title": "é"}, "params": {"product_id": "1"}, "bot": true,
            })]
        );
        let count = |query: &str| connection.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!((count("SELECT COUNT(*) FROM once"), count("SELECT COUNT(*) FROM pack")), (5, 3));
        assert_eq!(count("SELECT SUM(seq) FROM step"), 2 + 6);
    }

    /// A shop's server may tell of what it puts into the cart of nobody.
    #[test]
    fn of_what_nobody_did_nothing_is_left_after_it_was_trimmed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let mut connection = schema::connect(&path, Duration::ZERO).unwrap();
        schema::migrate_as_before(&connection, BEFORE);
        let project = schema::project(&connection, "a").unwrap();
        for (seq, page, api) in [(1_i64, "", ""), (2, "{}", "shop"), (3, "{}", "shop")] {
            let insert = "INSERT INTO event (seq, project, id, type, api, time, received_at, page, params, step)
                          VALUES (?1, ?2, ?3, 'basket_add', ?5, 1, 1, ?4, '{}', 1)";
            connection.execute(insert, rusqlite::params![seq, project, i128::from(seq).to_be_bytes(), page, api]).unwrap();
        }
        connection.execute("UPDATE head SET seq = 3, trimmed = 1", []).unwrap();
        schema::migrate(&mut connection, &path).unwrap();
        let count = |table: &str| connection.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(["once", "pack", "step"].map(count), [2, 1, 0]);
        let trimmed = trim::trim(&connection, &mut Keeper::begin(&connection).unwrap(), u64::MAX, 500).unwrap();
        assert_eq!((trimmed.gone, ["once", "pack", "step"].map(count)), (2, [0; 3]));
    }

    /// A row: which project, how many numbers after the one before it, how long after it, who, and the texts of the page.
    type Drawn = (usize, i64, i64, Option<Result<String, String>>, [String; 3], Option<i64>);

    fn drawn() -> impl Strategy<Value = Drawn> {
        let who = prop::option::of(prop_oneof!["[ab]".prop_map(Ok), "[ab]".prop_map(Err)]);
        let wait = prop_oneof![3 => 0..9_i64, 1 => Just(HOUR as i64)];
        let step = prop::option::of(1..3_i64);
        (0..2_usize, prop_oneof![5 => Just(1_i64), 1 => 2..90_i64], wait, who, [".*", "[ab]", ""], step)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn whatever_stood_in_rows_is_exported_as_before_until_it_is_trimmed(rows in prop::collection::vec(drawn(), 0..90)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("s");
            let mut connection = schema::connect(&path, Duration::ZERO).unwrap();
            schema::migrate_as_before(&connection, BEFORE);
            let projects = ["t", "u"].map(|token| schema::project(&connection, token).unwrap());
            let mut wanted = [Vec::new(), Vec::new()];
            let (mut seq, mut received_at, mut steps) = (0, 1, 0);
            let insert =
                "INSERT INTO event (seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step)
                          VALUES (?1, ?2, ?3, 'tag', 'x', 7, ?4, ?5, ?6, ?6, ?5, ?7, '{}', ?8)";
            connection.execute_batch("BEGIN").unwrap();
            for (project, gap, wait, who, [url, referrer, title], step) in rows {
                (seq, received_at) = (seq + gap, received_at + wait);
                let [visitor, email] = [who.clone().and_then(Result::ok), who.and_then(Result::err)];
                let mut page = String::new();
                Page { url, referrer, title }.write(&mut page);
                let id = Uuid::from_u128(seq.cast_unsigned().into());
                let row = rusqlite::params![seq, projects[project], id.as_bytes(), received_at, visitor, email, page, step];
                connection.execute(insert, row).unwrap();
                steps += usize::from(step.is_some() && (visitor.is_some() || email.is_some()));
                wanted[project].push(json!({
                    "cursor": Cursor(seq).to_string(), "id": id.to_string(), "type": "tag", "api": "x", "time": 7, "received_at": received_at,
                    "visitor_id": visitor, "email": email, "session_id": email, "store_id": visitor,
                    "page": serde_json::from_str::<Value>(&page).unwrap(), "params": {},
                }));
            }
            connection.execute("UPDATE head SET seq = ?1", [seq]).unwrap();
            connection.execute_batch("COMMIT").unwrap();
            schema::migrate(&mut connection, &path).unwrap();
            prop_assert_eq!(&projects.map(|project| export(&connection, project)), &wanted);
            let count = |table: &str| connection.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap() as usize;
            prop_assert_eq!(["once", "step"].map(count), [wanted.concat().len(), steps]);
            connection.execute_batch("BEGIN").unwrap();
            while trim::trim(&connection, &mut Keeper::begin(&connection).unwrap(), u64::MAX, 10).unwrap().more {}
            prop_assert_eq!(["once", "step", "pack"].map(count), [0; 3]);
        }
    }
}
