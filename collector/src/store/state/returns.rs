//! Returns: each `order_return` event is one return.

use rusqlite::{Connection, Row, params};
use serde_json::Value;
use tillroll_protocol::event::Event;
use uuid::Uuid;

use super::lww::LwwMap;
use super::person::Person;
use super::updater::StateUpdater;

impl StateUpdater<'_> {
    /// Applies an `order_return` event.
    pub(super) fn apply_order_return(&mut self, project: i64, id: &Uuid, event: &Event) -> rusqlite::Result<()> {
        let params: Value = serde_json::from_str(&event.params).unwrap_or_default();
        let Some(order) = params.get("order_id").and_then(Value::as_str) else { return Ok(()) };
        let lines = params.get("lines").map(Value::to_string);
        let reporter = Person::of(&event.visitor).map(|person| person.to_text());
        self.bump_order(project, order)?;
        let change = self.next_change();
        self.connection
            .prepare_cached(
                "INSERT INTO order_return (project, id, order_id, time, reporter, lines, change) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (project, id) DO UPDATE SET order_id = ?3, time = ?4, reporter = ?5, lines = ?6, change = ?7",
            )?
            .execute(params![project, id.as_bytes(), order, event.time.cast_signed(), reporter, lines, change])?;
        Ok(())
    }

    /// Marks the returns of an order as changed: a return shows the customer, the store and the lines of its order.
    pub(super) fn bump_returns_of_order(&mut self, project: i64, order: &str) -> rusqlite::Result<()> {
        let update = "UPDATE order_return INDEXED BY order_return_by_order SET change = ?1 WHERE project = ?2 AND order_id = ?3";
        self.bump_change(update, project, order)
    }

    /// Marks the returns of a person's reported orders as changed.
    pub(super) fn bump_returns_of_orders_of(&mut self, project: i64, person: &Person) -> rusqlite::Result<()> {
        self.bump_change(
            "UPDATE order_return INDEXED BY order_return_by_order SET change = ?1 WHERE project = ?2 AND order_id IN
                 (SELECT id FROM customer_order INDEXED BY customer_order_by_reporter WHERE project = ?2 AND reporter = ?3)",
            project,
            &person.to_text(),
        )
    }

    /// Marks the returns that a person reported as changed.
    pub(super) fn bump_returns_of(&mut self, project: i64, person: &Person) -> rusqlite::Result<()> {
        let update = "UPDATE order_return INDEXED BY order_return_by_reporter SET change = ?1 WHERE project = ?2 AND reporter = ?3";
        self.bump_change(update, project, &person.to_text())
    }
}

/// Returns the keys of an order's returns.
pub(in crate::store) fn returns_of(connection: &Connection, project: i64, order: &str) -> rusqlite::Result<Vec<String>> {
    let query = "SELECT hex(id) FROM order_return INDEXED BY order_return_by_order WHERE project = ?1 AND order_id = ?2";
    connection.prepare_cached(query)?.query_map(params![project, order], |row| row.get(0))?.collect()
}

/// A return's project and key, and the ids of its lines' products.
type ReturnWithItems = ((i64, String), Vec<String>);

/// Returns at most `limit` returns with lines, those after a project and key.
pub(in crate::store) fn returns_with_lines(
    connection: &Connection,
    after: &(i64, String),
    limit: usize,
) -> rusqlite::Result<Vec<ReturnWithItems>> {
    let query = "SELECT project, hex(id), lines FROM order_return WHERE (project, id) > (?1, unhex(?2)) AND lines IS NOT NULL
                 ORDER BY project, id LIMIT ?3";
    let with_items = |row: &Row<'_>| {
        let lines: Value = serde_json::from_str(row.get_ref(2)?.as_str()?).unwrap_or_default();
        let item = |line: &Value| Some(line.get("variant_id").or(line.get("product_id"))?.as_str()?.to_owned());
        Ok(((row.get(0)?, row.get(1)?), lines.as_array().into_iter().flatten().filter_map(item).collect()))
    };
    let mut statement = connection.prepare_cached(query)?;
    statement.query_map(params![after.0, after.1, i64::try_from(limit).unwrap_or(i64::MAX)], with_items)?.collect()
}

/// The products with a display change after `after` and up to `head`, each by its project, with the ids of its options; and the number up to
/// which none is missing.
pub(in crate::store) fn changed_products(
    connection: &Connection,
    after: i64,
    head: i64,
    limit: usize,
) -> rusqlite::Result<(Vec<(i64, String)>, i64)> {
    let query = "SELECT display_change, project, id, fields FROM product INDEXED BY product_by_display_change
                 WHERE display_change > ?1 AND display_change <= ?2 ORDER BY display_change LIMIT ?3";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(params![after, head, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let (mut items, mut count, mut complete) = (Vec::new(), 0, head);
    while let Some(row) = rows.next()? {
        count += 1;
        if count == limit {
            complete = row.get(0)?;
        }
        let project = row.get(1)?;
        items.push((project, row.get(2)?));
        let fields: LwwMap = row.get(3)?;
        items.extend(fields.elements("options").into_keys().map(|option| (project, option.to_owned())));
    }
    Ok((items, complete))
}
