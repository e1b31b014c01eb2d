//! Orders: one row an order id, whoever reports it, and in whatever order.
//!
//! What the owner of the project says wins over what a page says. A page's report tells whose cart was paid; where there is none, the back
//! end's e-mail and time do. An order counts as placed when it was first reported by a page, else when the back end says it was made.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};
use serde_json::{Map, Value};
use tillroll_protocol::event::Event;

use super::history;
use super::person::Person;
use super::records::BACK_END;
use super::registers::Registers;
use super::{Keeper, Record, Stale, Voucher};

/// The status of an order of which none was told.
pub(super) const PLACED: &str = "placed";

/// The status of an order that was taken back.
const CANCELLED: &str = "cancelled";

/// Returns whether the status, in lower case, is that of an order that was taken back. Some shop systems write it with one l.
pub(super) fn is_cancelled(status: &str) -> bool {
    matches!(status, CANCELLED | "canceled")
}

const CARTS: Stale = Stale { carts: true, profile: false };

/// The parameters of an `order`, and the names of the fields that they become.
const REPORTED: &[(&str, &str)] =
    &[("total", "amount"), ("tax", "tax"), ("shipping", "shipping"), ("currency", "currency"), ("lines", "lines")];

/// What stands in the store of an order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Order {
    pub(super) told: Registers,
    /// When each status was first heard of.
    pub(super) statuses: BTreeMap<String, u64>,
    /// Who reported it first, as [`Person::to_text`] has it, and when.
    pub(super) reported: Option<(u64, String)>,
}

impl Order {
    /// Says the status, which is also remembered with its earliest time.
    fn set_status(&mut self, rank: u8, time: u64, status: &str) {
        self.told.set("status", rank, time, status.into());
        let since = self.statuses.entry(status.to_lowercase()).or_insert(time);
        *since = time.min(*since);
    }

    fn email(&self) -> Option<&str> {
        self.told.text("email")
    }

    /// Returns when the order was made, in milliseconds since 1970: what the back end says, else when it was reported.
    pub(super) fn created_at(&self) -> Option<u64> {
        let told = self.told.get("createdAt").and_then(Value::as_u64);
        told.or(self.reported.as_ref().map(|(time, _)| *time))
    }
}

impl Keeper<'_> {
    pub(super) fn tell_order(&mut self, project: i64, time: u64, record: &Record) -> rusqlite::Result<()> {
        self.change_order(project, &record.id, |order| {
            for (name, value) in &record.fields {
                match (name.as_str(), value) {
                    ("status", Value::String(status)) => order.set_status(BACK_END, time, status),
                    _ => order.told.set(name, BACK_END, time, value.clone()),
                }
            }
        })
    }

    pub(super) fn report_order(&mut self, project: i64, event: &Event, voucher: Voucher) -> rusqlite::Result<()> {
        let Some((id, params)) = order_of(event) else { return Ok(()) };
        let person = Person::of(&event.visitor);
        self.change_order(project, &id, |order| {
            for (name, field) in REPORTED {
                if let Some(value) = params.get(*name) {
                    order.told.report(field, voucher.rank(), event.time, value.clone());
                }
            }
            if let Some(store) = &event.store_id {
                order.told.report("store", voucher.rank(), event.time, store.as_str().into());
            }
            let report = person.as_ref().map(|person| (event.time, person.to_text()));
            order.reported = order.reported.take().into_iter().chain(report).min();
        })?;
        self.mark(project, person, CARTS);
        Ok(())
    }

    pub(super) fn cancel_order(&mut self, project: i64, event: &Event, voucher: Voucher) -> rusqlite::Result<()> {
        let Some((id, _)) = order_of(event) else { return Ok(()) };
        self.change_order(project, &id, |order| order.set_status(voucher.rank(), event.time, CANCELLED))
    }

    /// What was returned says something of the order.
    pub(super) fn touch_order(&mut self, project: i64, id: &str) -> rusqlite::Result<()> {
        self.touch("UPDATE placed SET change = ?1 WHERE project = ?2 AND id = ?3", project, id)
    }

    pub(super) fn touch_orders_of(&mut self, project: i64, person: &Person) -> rusqlite::Result<()> {
        self.touch(
            "UPDATE placed INDEXED BY placed_by_person SET change = ?1 WHERE project = ?2 AND person = ?3",
            project,
            &person.to_text(),
        )
    }

    /// Returns when a person ordered, in the order of time.
    pub(super) fn orders_of(&self, project: i64, person: &Person) -> rusqlite::Result<Vec<u64>> {
        let mut times = Vec::new();
        let mut by_person = self
            .connection
            .prepare_cached("SELECT reported_at FROM placed INDEXED BY placed_by_person WHERE project = ?1 AND person = ?2")?;
        let mut of = |who: &Person| -> rusqlite::Result<Vec<i64>> {
            by_person.query_map(params![project, who.to_text()], |row| row.get(0))?.collect()
        };
        times.extend(of(person)?.into_iter().map(i64::cast_unsigned));
        let Person::Email(email) = person else { return Ok(sorted(times)) };
        for visitor in history::visitors(self.connection, project, email)? {
            let links = history::links(self.connection, project, &visitor)?;
            let theirs = of(&Person::Visitor(visitor))?.into_iter().map(i64::cast_unsigned);
            times.extend(theirs.filter(|time| history::known(&links, *time) == Some(email)));
        }
        let mut by_email = self
            .connection
            .prepare_cached("SELECT reported_at, created_at FROM placed INDEXED BY placed_by_email WHERE project = ?1 AND email = ?2")?;
        let found = by_email.query_map(params![project, email], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for row in found {
            let (reported, created): (Option<i64>, Option<i64>) = row?;
            times.extend(reported.or(created.map(end_of_second)).map(i64::cast_unsigned));
        }
        Ok(sorted(times))
    }

    fn change_order(&mut self, project: i64, id: &str, change: impl FnOnce(&mut Order)) -> rusqlite::Result<()> {
        let known = find(self.connection, project, id)?;
        let mut order = known.clone().unwrap_or_default();
        change(&mut order);
        if known.as_ref() == Some(&order) {
            return Ok(());
        }
        let concerned = known.iter().chain([&order]).flat_map(|order| {
            let by_email = order.email().map(|email| Person::Email(email.to_owned()));
            by_email.into_iter().chain(order.reported.as_ref().and_then(|(_, person)| Person::from_text(person)))
        });
        for person in concerned.collect::<Vec<_>>() {
            self.mark(project, Some(person), CARTS);
        }
        self.touch_returns_of_order(project, id)?;
        self.write_order(project, id, &order)
    }

    pub(super) fn write_order(&mut self, project: i64, id: &str, order: &Order) -> rusqlite::Result<()> {
        let change = self.next_change();
        let statuses = serde_json::to_string(&order.statuses).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let (time, person) = order.reported.clone().unzip();
        let created = order.told.get("createdAt").and_then(Value::as_i64);
        self.connection
            .prepare_cached(
                "INSERT INTO placed (project, id, told, statuses, person, reported_at, email, created_at, change)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (project, id) DO UPDATE SET told = ?3, statuses = ?4, person = ?5, reported_at = ?6, email = ?7,
                     created_at = ?8, change = ?9",
            )?
            .execute(params![project, id, order.told, statuses, person, time.map(u64::cast_signed), order.email(), created, change])?;
        Ok(())
    }
}

/// Returns an order as it stands in the store.
pub(super) fn find(connection: &rusqlite::Connection, project: i64, id: &str) -> rusqlite::Result<Option<Order>> {
    connection
        .prepare_cached("SELECT told, statuses, person, reported_at FROM placed WHERE project = ?1 AND id = ?2")?
        .query_row(params![project, id], |row| read(row, 0))
        .optional()
}

/// Reads an order from the columns `told, statuses, person, reported_at` of a row, the first of which is at `at`.
pub(super) fn read(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Order> {
    let person: Option<String> = row.get(at + 2)?;
    let reported_at: Option<i64> = row.get(at + 3)?;
    Ok(Order {
        told: row.get(at)?,
        statuses: serde_json::from_str(row.get_ref(at + 1)?.as_str()?).unwrap_or_default(),
        reported: reported_at.map(i64::cast_unsigned).zip(person),
    })
}

fn order_of(event: &Event) -> Option<(String, Map<String, Value>)> {
    let params: Map<String, Value> = serde_json::from_str(&event.params).ok()?;
    Some((params.get("order_id")?.as_str()?.to_owned(), params))
}

/// A time that was told in seconds stands for its whole second: the cart may have been changed within it.
fn end_of_second(time: i64) -> i64 {
    if time % 1_000 == 0 { time + 999 } else { time }
}

fn sorted(mut times: Vec<u64>) -> Vec<u64> {
    times.sort_unstable();
    times
}
