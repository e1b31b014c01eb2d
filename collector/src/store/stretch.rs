//! Which parts of the log hold events of a project.
//!
//! The log is read by project and in the order of its places. An index of every event would cost each of them about as much as all else that
//! is written of it, so what is kept is where to look: a stretch is 64 places on end, a few pages of the file, and it has a row for each
//! project with an event in it. A row may outlive its events; it is never missing while they are there.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

/// How the place of an event becomes the number of its stretch: this many bits are dropped.
const BITS: u32 = 6;

/// The entry of the schema's history that made the table. It is released, so it is never edited.
pub(super) const TABLE: &str = "
    -- Which stretches of 64 numbers of the log hold events of a project.
    CREATE TABLE stretch (
        project INTEGER NOT NULL REFERENCES project (id),
        number INTEGER NOT NULL,
        PRIMARY KEY (project, number)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO stretch (project, number) SELECT DISTINCT project, seq >> 6 FROM event;
    DROP INDEX event_of_project;
";

/// What a query names after `SELECT … FROM` to read a project's part of the log: after ?2 and after what was trimmed, up to ?3.
///
/// The order of the tables is fixed, and so is what each is looked up by. It comes in the order of `stretch.number, seq`, which is that of
/// the log, without sorting.
macro_rules! log_of_project {
    () => {
        "stretch CROSS JOIN event
         WHERE stretch.project = ?1 AND stretch.number >= MAX(?2, (SELECT trimmed FROM head)) >> 6 AND stretch.number <= ?3 >> 6
           AND event.seq BETWEEN stretch.number << 6 AND (stretch.number << 6) + 63
           AND +event.project = ?1 AND +event.seq > MAX(?2, (SELECT trimmed FROM head)) AND +event.seq <= ?3"
    };
}
pub(super) use log_of_project;

/// The stretches that one transaction knows to be there.
#[derive(Default)]
pub(super) struct Stretches {
    last: (i64, i64),
    known: BTreeSet<(i64, i64)>,
}

impl Stretches {
    /// Keeps where an event of a project stands.
    pub(super) fn keep(&mut self, connection: &Connection, project: i64, seq: i64) -> rusqlite::Result<()> {
        let stretch = (project, seq >> BITS);
        if stretch != self.last && self.known.insert(stretch) {
            let keep = "INSERT INTO stretch (project, number) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            connection.prepare_cached(keep)?.execute(params![stretch.0, stretch.1])?;
        }
        self.last = stretch;
        Ok(())
    }
}

/// Forgets the stretches that lie wholly before a place.
pub(super) fn trim(connection: &Connection, before: i64) -> rusqlite::Result<()> {
    let trim = "DELETE FROM stretch WHERE project IN (SELECT id FROM project) AND number < ?1";
    connection.prepare_cached(trim)?.execute([before >> BITS]).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;
    use std::time::Duration;

    fn store() -> (tempfile::TempDir, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let mut connection = schema::connect(&path, Duration::ZERO).unwrap();
        schema::migrate(&mut connection, &path).unwrap();
        (folder, connection)
    }

    /// Else a page of an export would cost as much as the whole log.
    #[test]
    fn a_part_of_the_log_is_read_in_order_without_sorting_it() {
        let (_folder, connection) = store();
        for order in ["stretch.number, seq", "stretch.number DESC, seq DESC"] {
            let query = format!("EXPLAIN QUERY PLAN SELECT seq FROM {} ORDER BY {order} LIMIT ?4", log_of_project!());
            let mut statement = connection.prepare(&query).unwrap();
            let plan: Vec<String> =
                statement.query_map([1, 0, i64::MAX, 5], |row| row.get(3)).unwrap().collect::<rusqlite::Result<_>>().unwrap();
            let plan = plan.join("\n");
            assert!(plan.contains("SEARCH stretch USING PRIMARY KEY (project=? AND number>? AND number<?)"), "{plan}");
            assert!(plan.contains("SEARCH event USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"), "{plan}");
            assert!(!plan.contains("B-TREE"), "{plan}");
        }
    }

    #[test]
    fn a_stretch_is_kept_until_the_last_place_in_it_was_trimmed() {
        let (_folder, connection) = store();
        let [a, b] = ["a", "b"].map(|token| schema::project(&connection, token).unwrap());
        let mut stretches = Stretches::default();
        for (project, seq) in [(a, 1), (b, 2), (a, 3), (a, 63), (a, 64), (b, 127), (b, 128)] {
            stretches.keep(&connection, project, seq).unwrap();
        }
        let left = |before: i64| -> Vec<(i64, i64)> {
            trim(&connection, before).unwrap();
            let mut all = connection.prepare("SELECT project, number FROM stretch ORDER BY project, number").unwrap();
            all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<rusqlite::Result<_>>().unwrap()
        };
        assert_eq!(left(63), [(a, 0), (a, 1), (b, 0), (b, 1), (b, 2)]);
        assert_eq!(left(64), [(a, 1), (b, 1), (b, 2)]);
        assert_eq!(left(200), []);
    }
}
