//! Orders: one row per order id. Pages and the back end report an order in any order.
//!
//! Fields from an authenticated sender win over fields from a page. The earliest page report names the person whose cart was paid; without a
//! report, the e-mail and the time from the back end do. An order counts as placed when a page first reported it, or else when the back end
//! created it.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};
use serde_json::{Map, Value};
use tillroll_protocol::event::Event;

use super::lww::LwwMap;
use super::person::Person;
use super::records::BackendRecord;
use super::updater::{Stale, StateUpdater};
use crate::store::identity;
use crate::store::trust::{OWNER_RANK, TrustLevel};

/// The status of an order without one.
pub(super) const PLACED: &str = "placed";

/// The status of a cancelled order.
const CANCELLED: &str = "cancelled";

/// Returns whether this status, in lower case, is that of a cancelled order. Some shop systems spell it with one l.
pub(super) fn is_cancelled(status: &str) -> bool {
    matches!(status, CANCELLED | "canceled")
}

/// The parameters of an `order` event, and the names of their fields.
const REPORTED: &[(&str, &str)] =
    &[("total", "amount"), ("tax", "tax"), ("shipping", "shipping"), ("currency", "currency"), ("lines", "lines")];

/// A row of the table of orders.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Order {
    pub(super) fields: LwwMap,
    /// The earliest time of each status, in milliseconds since 1970.
    pub(super) status_times: BTreeMap<String, u64>,
    /// The time of the earliest report of a page, and its person in the form of [`Person::to_text`].
    pub(super) report: Option<(u64, String)>,
}

impl Order {
    fn set_status(&mut self, rank: u8, time: u64, status: &str) {
        self.fields.set("status", rank, time, status.into());
        let earliest = self.status_times.entry(status.to_lowercase()).or_insert(time);
        *earliest = time.min(*earliest);
    }

    fn email(&self) -> Option<&str> {
        self.fields.text("email")
    }

    /// Returns when the order was placed, in milliseconds since 1970: the time from the back end, or else the time of the report.
    pub(super) fn created_at(&self) -> Option<u64> {
        let created_at = self.fields.get("createdAt").and_then(Value::as_u64);
        created_at.or(self.report.as_ref().map(|(time, _)| *time))
    }
}

impl StateUpdater<'_> {
    /// Applies a record of an order from the back end.
    pub(super) fn apply_order_record(&mut self, project: i64, time: u64, record: &BackendRecord) -> rusqlite::Result<()> {
        self.change_order(project, &record.id, |order| {
            for (name, value) in &record.fields {
                match (name.as_str(), value) {
                    ("status", Value::String(status)) => order.set_status(OWNER_RANK, time, status),
                    _ => order.fields.set(name, OWNER_RANK, time, value.clone()),
                }
            }
        })
    }

    /// Applies an `order` event.
    pub(super) fn apply_order_report(&mut self, project: i64, event: &Event, trust: TrustLevel) -> rusqlite::Result<()> {
        let Some((id, params)) = order_params(event) else { return Ok(()) };
        let person = Person::of(&event.visitor);
        self.change_order(project, &id, |order| {
            for (name, field) in REPORTED {
                if let Some(value) = params.get(*name) {
                    order.fields.set_unordered(field, trust.rank(), event.time, value.clone());
                }
            }
            if let Some(store) = &event.store_id {
                order.fields.set_unordered("store", trust.rank(), event.time, store.as_str().into());
            }
            let report = person.as_ref().map(|person| (event.time, person.to_text()));
            order.report = order.report.take().into_iter().chain(report).min();
        })?;
        self.mark_stale(project, person, Stale::CARTS);
        Ok(())
    }

    /// Applies an `order_cancel` event.
    pub(super) fn apply_order_cancel(&mut self, project: i64, event: &Event, trust: TrustLevel) -> rusqlite::Result<()> {
        let Some((id, _)) = order_params(event) else { return Ok(()) };
        self.change_order(project, &id, |order| order.set_status(trust.rank(), event.time, CANCELLED))
    }

    /// Marks an order as changed.
    pub(super) fn bump_order(&mut self, project: i64, id: &str) -> rusqlite::Result<()> {
        self.bump_change("UPDATE customer_order SET change = ?1 WHERE project = ?2 AND id = ?3", project, id)
    }

    /// Marks the orders that a person reported as changed.
    pub(super) fn bump_orders_of(&mut self, project: i64, person: &Person) -> rusqlite::Result<()> {
        self.bump_change(
            "UPDATE customer_order INDEXED BY customer_order_by_reporter SET change = ?1 WHERE project = ?2 AND reporter = ?3",
            project,
            &person.to_text(),
        )
    }

    /// Returns the times of a person's orders, sorted, in milliseconds since 1970.
    pub(super) fn order_times(&self, project: i64, person: &Person) -> rusqlite::Result<Vec<u64>> {
        let mut by_reporter = self.connection.prepare_cached(
            "SELECT reported_at FROM customer_order INDEXED BY customer_order_by_reporter WHERE project = ?1 AND reporter = ?2",
        )?;
        let mut reported_by = |person: &Person| -> rusqlite::Result<Vec<u64>> {
            by_reporter.query_map(params![project, person.to_text()], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?.collect()
        };
        let mut times = reported_by(person)?;
        if let Person::Email(email) = person {
            for visitor in identity::newest_visitors(self.connection, project, email)? {
                let links = identity::links(self.connection, project, &visitor)?;
                let reported = reported_by(&Person::Visitor(visitor))?;
                times.extend(reported.into_iter().filter(|time| identity::email_of_links(&links, *time) == Some(email)));
            }
            let mut by_email = self.connection.prepare_cached(
                "SELECT reported_at, created_at FROM customer_order INDEXED BY customer_order_by_email WHERE project = ?1 AND email = ?2",
            )?;
            for row in by_email.query_map(params![project, email], |row| Ok((row.get(0)?, row.get(1)?)))? {
                let (reported_at, created_at): (Option<i64>, Option<i64>) = row?;
                times.extend(reported_at.or(created_at.map(end_of_second)).map(i64::cast_unsigned));
            }
        }
        times.sort_unstable();
        Ok(times)
    }

    fn change_order(&mut self, project: i64, id: &str, change: impl FnOnce(&mut Order)) -> rusqlite::Result<()> {
        let stored = find(self.connection, project, id)?;
        let mut order = stored.clone().unwrap_or_default();
        change(&mut order);
        if stored.as_ref() == Some(&order) {
            return Ok(());
        }
        let people = stored.iter().chain([&order]).flat_map(|order| {
            let by_email = order.email().map(|email| Person::Email(email.to_owned()));
            by_email.into_iter().chain(order.report.as_ref().and_then(|(_, person)| Person::from_text(person)))
        });
        for person in people.collect::<Vec<_>>() {
            self.mark_stale(project, Some(person), Stale::CARTS);
        }
        self.bump_returns_of_order(project, id)?;
        self.write_order(project, id, &order)
    }

    pub(super) fn write_order(&mut self, project: i64, id: &str, order: &Order) -> rusqlite::Result<()> {
        let change = self.next_change();
        let status_times =
            serde_json::to_string(&order.status_times).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let (time, reporter) = order.report.clone().unzip();
        let created_at = order.fields.get("createdAt").and_then(Value::as_i64);
        self.connection
            .prepare_cached(
                "INSERT INTO customer_order (project, id, fields, status_times, reporter, reported_at, email, created_at, change)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (project, id) DO UPDATE SET fields = ?3, status_times = ?4, reporter = ?5, reported_at = ?6, email = ?7,
                     created_at = ?8, change = ?9",
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
                change
            ])?;
        Ok(())
    }
}

/// Returns an order.
pub(super) fn find(connection: &rusqlite::Connection, project: i64, id: &str) -> rusqlite::Result<Option<Order>> {
    connection
        .prepare_cached("SELECT fields, status_times, reporter, reported_at FROM customer_order WHERE project = ?1 AND id = ?2")?
        .query_row(params![project, id], |row| read(row, 0))
        .optional()
}

/// Reads an order from the columns `fields, status_times, reporter, reported_at` of a row, which begin at `column`.
pub(super) fn read(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Order> {
    let reporter: Option<String> = row.get(column + 2)?;
    let reported_at: Option<i64> = row.get(column + 3)?;
    Ok(Order {
        fields: row.get(column)?,
        status_times: serde_json::from_str(row.get_ref(column + 1)?.as_str()?).unwrap_or_default(),
        report: reported_at.map(i64::cast_unsigned).zip(reporter),
    })
}

fn order_params(event: &Event) -> Option<(String, Map<String, Value>)> {
    let params: Map<String, Value> = serde_json::from_str(&event.params).ok()?;
    Some((params.get("order_id")?.as_str()?.to_owned(), params))
}

/// A time in whole seconds means the end of that second, because the cart may have changed within it.
fn end_of_second(time: i64) -> i64 {
    if time % 1_000 == 0 { time + 999 } else { time }
}
