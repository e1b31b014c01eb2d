//! Orders: one row per order id, with what senders with a secret reported. What pages reported is kept beside it and completes the row when
//! it is read, see [`order_reports`](super::order_reports). So the order of arrival of the two does not matter.
//!
//! An order counts as placed when it was first reported, or else when the back end created it.

use rusqlite::types::Null;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value};
use tillroll_protocol::event::Event;

use super::order::{Order, SOURCE};
use super::order_reports::{self, REPORTED_BY, RETURNED_BY, Report};
use super::person::Person;
use super::records::{BackendRecord, RecordBatch};
use super::updater::{Stale, StateUpdater};
use crate::resource::OrderSource;
use crate::store::bound::Bound;
use crate::store::identity;
use crate::store::log::batch::EventMeta;
use crate::store::trust::{OWNER_RANK, TrustLevel};

/// The most orders of a person whose times end carts, the newest ones.
const MAX_ORDERS: i64 = 100;

/// The parameters of an `order` event, and the names of their fields.
const REPORTED: &[(&str, &str)] =
    &[("total", "amount"), ("tax", "tax"), ("shipping", "shipping"), ("currency", "currency"), ("lines", "lines")];

impl StateUpdater<'_> {
    /// Applies a record of an order from the back end.
    pub(super) fn apply_order_record(&mut self, batch: &RecordBatch, record: &BackendRecord) -> rusqlite::Result<()> {
        let (time, rank) = (batch.time, batch.trust.rank());
        self.change_order(batch.project, &record.id, |order| {
            for (name, value) in &record.fields {
                match (name.as_str(), value) {
                    ("status", Value::String(status)) => order.set_status(rank, time, status),
                    _ => order.fields.set(name, rank, time, value.clone()),
                }
            }
            if !record.fields.iter().any(|(name, _)| name == SOURCE) {
                order.fields.set(SOURCE, rank, time, OrderSource::Backend.name().into());
            }
        })
    }

    /// Applies an `order` or `order_cancel` event.
    pub(super) fn apply_order_event(
        &mut self,
        project: i64,
        seq: i64,
        meta: &EventMeta,
        event: &Event,
        trust: TrustLevel,
    ) -> rusqlite::Result<()> {
        let Some((id, params)) = order_params(event) else { return Ok(()) };
        let is_cancel = event.kind == "order_cancel";
        let mut fields: Map<String, Value> = Map::new();
        if !is_cancel {
            fields.extend(REPORTED.iter().filter_map(|(name, field)| Some(((*field).to_owned(), params.get(*name)?.clone()))));
            fields.extend(event.store_id.as_ref().map(|store| ("store".to_owned(), store.as_str().into())));
        }
        let person = Person::of(&event.visitor);
        if trust == TrustLevel::Owner {
            self.apply_signed_report(project, &id, (seq, event.time), is_cancel, fields, person.as_ref())?;
        } else if let Some(person) = &person {
            let report = Report { seq, event_id: meta.id.into_bytes(), time: event.time, person: person.clone(), is_cancel, fields };
            self.apply_page_report(project, &id, &report)?;
        }
        if !is_cancel {
            self.mark_stale_at(project, person, event.time, Stale::CARTS)?;
        }
        Ok(())
    }

    fn apply_signed_report(
        &mut self,
        project: i64,
        id: &str,
        (seq, time): (i64, u64),
        is_cancel: bool,
        fields: Map<String, Value>,
        person: Option<&Person>,
    ) -> rusqlite::Result<()> {
        self.change_order(project, id, |order| {
            if is_cancel {
                return order.cancel(OWNER_RANK, time);
            }
            for (field, value) in fields {
                order.fields.set_unordered(&field, OWNER_RANK, time, value);
            }
            order.fields.set_unordered(SOURCE, OWNER_RANK, time, OrderSource::Headless.name().into());
            match person {
                Some(person) => order.reported_by(person, time, seq),
                None => order.reported_by_no_person(time),
            }
        })
    }

    /// Keeps a report of a page, and the row of its order.
    fn apply_page_report(&mut self, project: i64, id: &str, report: &Report) -> rusqlite::Result<()> {
        let stored = find_stored(self.connection, project, id)?;
        let Some(place) = self.place_of_report(project, id, &stored.unwrap_or_default(), report)? else {
            self.reached(Bound::OrderReports);
            return Ok(());
        };
        let before = find(self.connection, project, id)?;
        self.insert_order_report(project, id, report, place)?;
        if before.is_none() {
            self.write_order(project, id, &Order::default())?;
        }
        let after = find(self.connection, project, id)?;
        if before != after {
            self.order_changed(project, id, [before.as_ref(), after.as_ref()])?;
            self.bump_order(project, id)?;
        }
        Ok(())
    }

    /// Stores that the owner imported an order with this id.
    pub(in crate::store) fn replace_order(&mut self, project: i64, id: &str) -> rusqlite::Result<()> {
        let update = "UPDATE customer_order SET is_replaced = 1 WHERE project = ?1 AND id = ?2";
        self.connection.prepare_cached(update)?.execute(params![project, id]).map(|_| ())
    }

    /// Marks an order as changed.
    pub(super) fn bump_order(&mut self, project: i64, id: &str) -> rusqlite::Result<()> {
        self.bump_change("UPDATE customer_order SET change = ?1 WHERE project = ?2 AND id = ?3", project, id)
    }

    /// Marks the newest orders that a person reported or returned as changed.
    pub(super) fn bump_orders_of(&mut self, project: i64, person: &Person) -> rusqlite::Result<()> {
        let update = format!("UPDATE customer_order SET change = ?1 WHERE project = ?2 AND id IN ({REPORTED_BY} UNION {RETURNED_BY})");
        self.bump_change(&update, project, &person.to_text())
    }

    /// Marks the carts of the customers of the newest orders that a person reported as stale: who that person is decides whether the report
    /// counts, and so when the order was placed.
    pub(super) fn mark_stale_customers_of_orders_of(&mut self, project: i64, person: &Person) -> rusqlite::Result<()> {
        // The inner query has the parameters 2 and 3.
        let query =
            format!("SELECT DISTINCT email FROM customer_order WHERE project = ?2 AND email > '' AND ?1 IS NULL AND id IN ({REPORTED_BY})");
        let mut select = self.connection.prepare_cached(&query)?;
        for email in select.query_map(params![Null, project, person.to_text()], |row| row.get(0))? {
            self.mark_stale(project, Some(Person::Email(email?)), Stale::CARTS);
        }
        Ok(())
    }

    /// Returns the times of a person's newest orders, sorted, in milliseconds since 1970.
    pub(super) fn order_times(&self, project: i64, person: &Person) -> rusqlite::Result<Vec<u64>> {
        let mut times = order_reports::times_of(self.connection, project, person)?;
        if let Person::Email(email) = person {
            for visitor in identity::visitors(self.connection, project, email)? {
                let reported = order_reports::times_of(self.connection, project, &Person::Visitor(visitor.clone()))?;
                times.extend(identity::of_email(self.connection, project, (&visitor, email), reported, |time| *time)?);
            }
            let mut by_email = self.connection.prepare_cached(
                "SELECT id FROM customer_order INDEXED BY customer_order_by_email WHERE project = ?1 AND email = ?2
                 ORDER BY created_at DESC LIMIT ?3",
            )?;
            for id in by_email.query_map(params![project, email, MAX_ORDERS], |row| row.get::<_, String>(0))? {
                let Some(order) = find_people(self.connection, project, &id?)? else { continue };
                let created_at = order.fields.get("createdAt").and_then(Value::as_u64);
                times.extend(order.report.map(|(time, _)| time).or(created_at.map(end_of_second)));
            }
        }
        times.sort_unstable();
        Ok(times)
    }

    fn change_order(&mut self, project: i64, id: &str, change: impl FnOnce(&mut Order)) -> rusqlite::Result<()> {
        let stored = find_stored(self.connection, project, id)?;
        let mut order = stored.clone().unwrap_or_default();
        change(&mut order);
        if stored.as_ref() == Some(&order) {
            return Ok(());
        }
        // The last write of those with a secret is this one.
        order.is_replaced = false;
        let before = find(self.connection, project, id)?;
        self.write_order(project, id, &order)?;
        let after = find(self.connection, project, id)?;
        self.order_changed(project, id, [before.as_ref(), after.as_ref()])
    }

    /// Marks what has to be derived again after a change of an order.
    fn order_changed(&mut self, project: i64, id: &str, states: [Option<&Order>; 2]) -> rusqlite::Result<()> {
        for order in states.into_iter().flatten() {
            let by_email = order.email().map(|email| Person::Email(email.to_owned()));
            self.mark_stale(project, by_email, Stale::CARTS);
            if let Some((time, reporter)) = &order.report {
                self.mark_stale_at(project, Person::from_text(reporter), *time, Stale::CARTS)?;
            }
        }
        self.bump_returns_of_order(project, id)
    }

    pub(super) fn write_order(&mut self, project: i64, id: &str, order: &Order) -> rusqlite::Result<()> {
        let change = self.next_change();
        let status_times =
            serde_json::to_string(&order.status_times).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let (time, reporter) = order.report.clone().unzip();
        let created_at = order.fields.get("createdAt").and_then(Value::as_i64);
        self.connection
            .prepare_cached(
                "INSERT INTO customer_order (project, id, fields, status_times, reporter, reported_at, email, created_at, is_signed,
                     is_replaced, change, reported_seq)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                 ON CONFLICT (project, id) DO UPDATE SET fields = ?3, status_times = ?4, reporter = ?5, reported_at = ?6, email = ?7,
                     created_at = ?8, is_signed = ?9, is_replaced = ?10, change = ?11,
                     reported_seq = ?12",
            )?
            .execute(params![
                project,
                id,
                order.fields,
                status_times,
                reporter,
                time.map(u64::cast_signed),
                order.email(),
                created_at,
                order.is_signed(),
                order.is_replaced,
                change,
                order.reported_seq
            ])?;
        Ok(())
    }
}

/// Returns an order, completed by what pages reported.
pub(super) fn find(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<Option<Order>> {
    find_with(connection, project, id, order_reports::ALL_FIELDS)
}

/// Returns an order, with the people of what pages reported, and without their fields, which may be long.
pub(in crate::store::state) fn find_people(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<Option<Order>> {
    find_with(connection, project, id, order_reports::NO_FIELDS)
}

/// Returns an order, completed by these fields of what pages reported.
fn find_with(connection: &Connection, project: i64, id: &str, fields: &'static str) -> rusqlite::Result<Option<Order>> {
    let stored = find_stored(connection, project, id)?;
    stored.map(|order| order_reports::complete(connection, project, id, order, fields)).transpose()
}

/// Returns the row of an order.
pub(super) fn find_stored(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<Option<Order>> {
    connection
        .prepare_cached(
            "SELECT fields, status_times, reporter, reported_at, is_replaced, reported_seq FROM customer_order WHERE project = ?1 AND id = ?2",
        )?
        .query_row(params![project, id], read)
        .optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Order> {
    let reporter: Option<String> = row.get(2)?;
    let reported_at: Option<i64> = row.get(3)?;
    Ok(Order {
        fields: row.get(0)?,
        status_times: serde_json::from_str(row.get_ref(1)?.as_str()?).unwrap_or_default(),
        report: reported_at.map(i64::cast_unsigned).zip(reporter),
        reported_seq: row.get(5)?,
        reporter: None,
        is_replaced: row.get(4)?,
    })
}

fn order_params(event: &Event) -> Option<(String, Map<String, Value>)> {
    let params: Map<String, Value> = serde_json::from_str(&event.params).ok()?;
    Some((params.get("order_id")?.as_str()?.to_owned(), params))
}

/// A time in whole seconds means the end of that second, because the cart may have changed within it.
fn end_of_second(time: u64) -> u64 {
    if time.is_multiple_of(1_000) { time + 999 } else { time }
}
