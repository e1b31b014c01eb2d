//! Erases a person from the current state. The customer and the carts are deleted; orders and returns stay without the person.
//!
//! Orders are anonymised, not deleted, so that revenue stays correct. An erased cart leaves an empty row with a new change number, from which
//! readers of the changes learn that the cart is removed.

use rusqlite::{Row, params};
use serde_json::Value;

use super::documents::builder;
use super::lww::LwwField;
use super::order::Order;
use super::order_reports;
use super::orders;
use super::person::Person;
use super::person_records;
use super::returns::UNCOUNTED;
use super::updater::{Stale, StateUpdater};
use crate::store::identity;
use crate::store::subject::{Erased, Subject};

/// The attributes of a billing address that do not identify a person.
const IMPERSONAL: [&str; 2] = ["countryCode", "paymentMethod"];

impl StateUpdater<'_> {
    /// Erases a person from everything but the log.
    pub(in crate::store) fn erase(&mut self, subject: &Subject) -> rusqlite::Result<Erased> {
        let (project, email) = (subject.project, subject.email.as_str());
        let visitors = identity::visitors(self.connection, project, email)?;
        let people = person_records::people(self.connection, subject)?;
        let mut erased = Erased { visitors: people.len() as u64 - 1, ..Erased::default() };
        for person in &people {
            erased.carts += self.erase_carts(project, person)?;
        }
        // Before the links are deleted: they decide which orders of a shared computer belong to this person.
        // Which returns count is decided by the people who reported the orders.
        erased.returns = self.erase_from_returns(subject, &people)?;
        erased.orders = self.erase_from_orders(subject, &people)?;
        identity::delete_links(self.connection, project, email)?;
        let delete = "DELETE FROM compacted_customer WHERE project = ?1 AND id = ?2";
        self.connection.prepare_cached(delete)?.execute(params![project, email])?;
        let delete = "DELETE FROM customer WHERE project = ?1 AND id = ?2";
        erased.customers = self.connection.prepare_cached(delete)?.execute(params![project, email])? as u64;
        for visitor in visitors {
            // Another person may use the same computer.
            self.mark_stale_everywhere(project, Some(Person::Visitor(visitor)), Stale::ALL)?;
        }
        Ok(erased)
    }

    fn erase_carts(&mut self, project: i64, person: &Person) -> rusqlite::Result<u64> {
        let query = "SELECT cart_id, basket_id, state <> 'removed' FROM cart INDEXED BY cart_by_owner WHERE project = ?1 AND owner = ?2";
        let row = |row: &Row<'_>| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, bool>(2)?));
        let mut statement = self.connection.prepare_cached(query)?;
        let rows: Vec<_> = statement.query_map(params![project, person.to_text()], row)?.collect::<rusqlite::Result<_>>()?;
        let clear = "UPDATE cart SET owner = '', state = 'removed', basket_id = NULL, updated_at = 0, content = '{}', is_compacted = NULL,
                     change = ?1 WHERE project = ?2 AND cart_id = ?3";
        let bump = "UPDATE cart INDEXED BY cart_by_basket SET change = ?1 WHERE project = ?2 AND basket_id = ?3";
        for (cart_id, basket_id, _) in &rows {
            if let Some(basket_id) = basket_id {
                self.bump_change(bump, project, basket_id)?;
            }
            let change = self.next_change();
            self.connection.prepare_cached(clear)?.execute(params![change, project, cart_id])?;
        }
        Ok(rows.iter().filter(|(.., is_visible)| *is_visible).count() as u64)
    }

    fn erase_from_orders(&mut self, subject: &Subject, people: &[Person]) -> rusqlite::Result<u64> {
        let mut count = 0;
        for id in person_records::order_ids(self.connection, subject.project, people)? {
            let Some(mut order) = orders::find(self.connection, subject.project, &id)? else { continue };
            let has_email = order.fields.text("email") == Some(subject.email.as_str());
            let reporter = order.known_reporter(self.connection, subject.project)?;
            let is_reporter = reporter.is_some_and(|reporter| people.contains(&reporter));
            if has_email || is_reporter {
                // The reports of others must not become the order's.
                order_reports::delete_all(self.connection, subject.project, &id)?;
                anonymise(&mut order, has_email, is_reporter);
                self.write_order(subject.project, &id, &order)?;
                self.bump_returns_of_order(subject.project, &id)?;
                count += 1;
            } else {
                for (seq, time, person) in order_reports::people(self.connection, subject.project, &id)? {
                    if self.is_subject(subject, people, &person, time)? {
                        order_reports::delete(self.connection, subject.project, &id, seq)?;
                    }
                }
            }
        }
        Ok(count)
    }

    fn erase_from_returns(&mut self, subject: &Subject, people: &[Person]) -> rusqlite::Result<u64> {
        let mut count = 0;
        let query = "SELECT id, time, iif(is_signed, seq, NULL) FROM order_return INDEXED BY order_return_by_reporter WHERE project = ?1 AND reporter = ?2";
        let clear = "UPDATE order_return SET reporter = ?4, change = ?1 WHERE project = ?2 AND id = ?3";
        for person in people {
            let row = |row: &Row<'_>| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, i64>(1)?.cast_unsigned(), row.get(2)?));
            let mut statement = self.connection.prepare_cached(query)?;
            let rows: Vec<_> = statement.query_map(params![subject.project, person.to_text()], row)?.collect::<rusqlite::Result<_>>()?;
            for (id, time, signed_seq) in rows {
                let reporter = match signed_seq {
                    Some(seq) => person.clone().resolve_on_receipt(self.connection, subject.project, seq)?,
                    None => person.clone().resolve(self.connection, subject.project, time)?,
                };
                if people.contains(&reporter) {
                    let is_counted = builder::order_return(self.connection, subject.project, &id)?.is_some();
                    let (change, reporter) = (self.next_change(), if is_counted { None } else { Some(UNCOUNTED) });
                    self.connection.prepare_cached(clear)?.execute(params![change, subject.project, id, reporter])?;
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    /// Whether a person of a table is among these people, and is the subject for an event at that time.
    fn is_subject(&self, subject: &Subject, people: &[Person], person: &str, time: u64) -> rusqlite::Result<bool> {
        let Some(person) = Person::from_text(person).filter(|person| people.contains(person)) else { return Ok(false) };
        Ok(match person.resolve(self.connection, subject.project, time)? {
            Person::Email(email) => email == subject.email,
            Person::Visitor(_) => true,
        })
    }
}

/// An order with the e-mail of another person keeps that person's data, even if it was reported from the subject's computer.
fn anonymise(order: &mut Order, has_email: bool, is_reporter: bool) {
    if let (Some(time), None) = (order.created_at(), order.fields.get("createdAt")) {
        order.fields.0.insert("createdAt".into(), LwwField(0, 0, time.into()));
    }
    if is_reporter {
        (order.report, order.reported_seq) = (None, None);
    }
    if has_email {
        order.fields.0.remove("email");
    }
    if order.fields.text("email").is_none() {
        order.fields.0.remove("ipAddress");
        if let Some(LwwField(_, _, Value::Object(billing))) = order.fields.0.get_mut("billing") {
            billing.retain(|name, _| IMPERSONAL.contains(&name.as_str()));
        }
    }
}
