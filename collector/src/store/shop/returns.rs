//! Returns: each event that tells of one is one.

use rusqlite::{Connection, Row, params};
use serde_json::Value;
use tillroll_protocol::event::Event;
use uuid::Uuid;

use super::Keeper;
use super::person::Person;

impl Keeper<'_> {
    pub(super) fn return_order(&mut self, project: i64, key: &Uuid, event: &Event) -> rusqlite::Result<()> {
        let params: Value = serde_json::from_str(&event.params).unwrap_or_default();
        let Some(order) = params.get("order_id").and_then(Value::as_str) else { return Ok(()) };
        let lines = params.get("lines").map(Value::to_string);
        let person = Person::of(&event.visitor).map(|person| person.to_text());
        self.touch_order(project, order)?;
        let change = self.next_change();
        self.connection
            .prepare_cached(
                "INSERT INTO returned (project, id, placed, time, person, lines, change) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (project, id) DO UPDATE SET placed = ?3, time = ?4, person = ?5, lines = ?6, change = ?7",
            )?
            .execute(params![project, key.as_bytes(), order, event.time.cast_signed(), person, lines, change])?;
        Ok(())
    }

    /// What is said of an order says something of its returns: who made it, where, and what was in it.
    pub(super) fn touch_returns_of_order(&mut self, project: i64, order: &str) -> rusqlite::Result<()> {
        self.touch("UPDATE returned INDEXED BY returned_of_order SET change = ?1 WHERE project = ?2 AND placed = ?3", project, order)
    }

    pub(super) fn touch_returns_of_orders_of(&mut self, project: i64, person: &Person) -> rusqlite::Result<()> {
        self.touch(
            "UPDATE returned INDEXED BY returned_of_order SET change = ?1 WHERE project = ?2 AND placed IN
                 (SELECT id FROM placed INDEXED BY placed_by_person WHERE project = ?2 AND person = ?3)",
            project,
            &person.to_text(),
        )
    }

    pub(super) fn touch_returns_of(&mut self, project: i64, person: &Person) -> rusqlite::Result<()> {
        self.touch(
            "UPDATE returned INDEXED BY returned_by_person SET change = ?1 WHERE project = ?2 AND person = ?3",
            project,
            &person.to_text(),
        )
    }
}

/// Returns the keys of an order's returns.
pub(in crate::store) fn returns_of(connection: &Connection, project: i64, order: &str) -> rusqlite::Result<Vec<String>> {
    let query = "SELECT hex(id) FROM returned INDEXED BY returned_of_order WHERE project = ?1 AND placed = ?2";
    connection.prepare_cached(query)?.query_map(params![project, order], |row| row.get(0))?.collect()
}

/// A return's project and key, and the ids of what it names.
type Named = ((i64, String), Vec<String>);

/// Returns the returns behind a project and key that name what came back, at most `limit` of them.
pub(in crate::store) fn returns_with_lines(connection: &Connection, after: &(i64, String), limit: usize) -> rusqlite::Result<Vec<Named>> {
    let query = "SELECT project, hex(id), lines FROM returned WHERE (project, id) > (?1, unhex(?2)) AND lines IS NOT NULL
                 ORDER BY project, id LIMIT ?3";
    let named = |row: &Row<'_>| {
        let lines: Value = serde_json::from_str(row.get_ref(2)?.as_str()?).unwrap_or_default();
        let item = |line: &Value| Some(line.get("variant_id").or(line.get("product_id"))?.as_str()?.to_owned());
        Ok(((row.get(0)?, row.get(1)?), lines.as_array().into_iter().flatten().filter_map(item).collect()))
    };
    let mut statement = connection.prepare_cached(query)?;
    statement.query_map(params![after.0, after.1, i64::try_from(limit).unwrap_or(i64::MAX)], named)?.collect()
}
