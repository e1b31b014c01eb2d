//! Returns: each `order_return` event is one return.

use rusqlite::{Connection, Row, params};
use serde_json::Value;
use tillroll_protocol::event::Event;
use uuid::Uuid;

use super::order::Order;
use super::order_reports;
use super::orders;
use super::person::Person;
use super::updater::StateUpdater;
use crate::store::bound::Bound;
use crate::store::trust::TrustLevel;

/// The most returns of an order that pages may add to.
const MAX_RETURNS: i64 = 100;

/// The reporter of a return that did not count and whose reporter was erased. A return that counted has none.
pub(super) const UNCOUNTED: &str = "";

impl StateUpdater<'_> {
    /// Applies an `order_return` event.
    pub(super) fn apply_order_return(
        &mut self,
        project: i64,
        (seq, id): (i64, &Uuid),
        event: &Event,
        trust: TrustLevel,
    ) -> rusqlite::Result<()> {
        let params: Value = serde_json::from_str(&event.params).unwrap_or_default();
        let Some(order) = params.get("order_id").and_then(Value::as_str) else { return Ok(()) };
        let is_signed = trust == TrustLevel::Owner;
        let reporter = Person::of(&event.visitor).map(|person| person.to_text());
        if !is_signed && reporter.is_none() {
            return Ok(());
        }
        if !is_signed && !self.has_place_for_return(project, order, event.time, reporter.as_deref())? {
            self.reached(Bound::OrderReturns);
            return Ok(());
        }
        let lines = params.get("lines").map(Value::to_string);
        self.bump_order(project, order)?;
        if is_signed {
            self.bump_imported_order(project, order)?;
        }
        let change = self.next_change();
        self.connection
            .prepare_cached(
                "INSERT INTO order_return (project, id, order_id, time, reporter, lines, is_signed, change, seq)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (project, id) DO UPDATE SET order_id = ?3, time = ?4, reporter = ?5, lines = ?6, is_signed = ?7,
                     change = ?8, seq = ?9",
            )?
            .execute(params![project, id.as_bytes(), order, event.time.cast_signed(), reporter, lines, is_signed, change, seq])?;
        Ok(())
    }

    /// Returns whether a page may add a return. Those that count have as many places besides, which strangers cannot take.
    fn has_place_for_return(&self, project: i64, id: &str, time: u64, reporter: Option<&str>) -> rusqlite::Result<bool> {
        let query = "SELECT count(*) FROM (SELECT 1 FROM order_return INDEXED BY order_return_by_order
                     WHERE project = ?1 AND order_id = ?2 AND NOT is_signed LIMIT ?3)";
        let count: i64 = self.connection.prepare_cached(query)?.query_row(params![project, id, 2 * MAX_RETURNS], |row| row.get(0))?;
        if count < MAX_RETURNS || count == 2 * MAX_RETURNS {
            return Ok(count < MAX_RETURNS);
        }
        let order = orders::find_people(self.connection, project, id)?;
        Ok(order.is_some() && is_counted(self.connection, project, order.as_ref(), time, reporter)?)
    }

    /// Marks an imported order as changed: it shows whether the owner has a return of it.
    fn bump_imported_order(&mut self, project: i64, order: &str) -> rusqlite::Result<()> {
        let update = "UPDATE imported_record SET change = ?1 WHERE project = ?2 AND resource = 'orders' AND id = ?3";
        self.bump_change(update, project, order)
    }

    /// Marks an order as changed that has an imported return, or had one.
    pub(in crate::store) fn imported_return_changed(&mut self, project: i64, order: Option<&str>) -> rusqlite::Result<()> {
        let Some(order) = order else { return Ok(()) };
        self.bump_order(project, order)?;
        self.bump_imported_order(project, order)
    }

    /// Marks the returns of an order as changed: a return shows the customer, the store and the lines of its order.
    pub(in crate::store) fn bump_returns_of_order(&mut self, project: i64, order: &str) -> rusqlite::Result<()> {
        let update = "UPDATE order_return INDEXED BY order_return_by_order SET change = ?1 WHERE project = ?2 AND order_id = ?3";
        self.bump_change(update, project, order)
    }

    /// Marks the returns of a person's newest reported orders as changed.
    pub(super) fn bump_returns_of_orders_of(&mut self, project: i64, person: &Person) -> rusqlite::Result<()> {
        let update = format!(
            "UPDATE order_return INDEXED BY order_return_by_order SET change = ?1 WHERE project = ?2 AND order_id IN ({})",
            order_reports::REPORTED_BY
        );
        self.bump_change(&update, project, &person.to_text())
    }

    /// Marks the newest returns that a person reported as changed.
    pub(super) fn bump_returns_of(&mut self, project: i64, person: &Person) -> rusqlite::Result<()> {
        let update = "UPDATE order_return SET change = ?1 WHERE project = ?2 AND id IN
                      (SELECT id FROM order_return INDEXED BY order_return_by_reporter WHERE project = ?2 AND reporter = ?3
                       ORDER BY time DESC LIMIT 1000)";
        self.bump_change(update, project, &person.to_text())
    }
}

/// Returns whether a return that a page reported counts: not for an order of the owner, and else only if it is from the person who reported
/// the order. A page may report the return of an order that is not stored.
pub(super) fn is_counted(
    connection: &Connection,
    project: i64,
    order: Option<&Order>,
    time: u64,
    reporter: Option<&str>,
) -> rusqlite::Result<bool> {
    let (Some(order), Some(reporter)) = (order, reporter) else { return Ok(order.is_none_or(|order| !order.is_signed())) };
    let (Some(of_order), Some(person)) = (&order.reporter, Person::from_text(reporter)) else { return Ok(false) };
    Ok(of_order.is(&person, &person.clone().resolve(connection, project, time)?))
}

/// Returns whether an order has a return by a page that counts.
pub(super) fn has_counted(connection: &Connection, project: i64, id: &str, order: &Order) -> rusqlite::Result<bool> {
    let query = "SELECT time, reporter FROM order_return INDEXED BY order_return_by_order
                 WHERE project = ?1 AND order_id = ?2 AND NOT is_signed";
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, Option<String>>(1)?));
    let mut statement = connection.prepare_cached(query)?;
    for row in statement.query_map(params![project, id], read)? {
        let (time, reporter) = row?;
        if is_counted(connection, project, Some(order), time, reporter.as_deref())? {
            return Ok(true);
        }
    }
    Ok(false)
}
