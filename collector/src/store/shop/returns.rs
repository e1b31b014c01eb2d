//! Returns: each event that tells of one is one.

use rusqlite::params;
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

    pub(super) fn touch_returns_of(&mut self, project: i64, person: &Person) -> rusqlite::Result<()> {
        self.touch(
            "UPDATE returned INDEXED BY returned_by_person SET change = ?1 WHERE project = ?2 AND person = ?3",
            project,
            &person.to_text(),
        )
    }
}
