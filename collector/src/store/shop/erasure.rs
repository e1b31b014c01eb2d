//! A person taken out of the current state: their record and carts go, orders and returns stay without them.
//!
//! What the shop earned is the shop's; who paid is the person's. A cart leaves an empty row behind, under a new number of change, by which
//! whoever follows the changes learns that it is gone.

use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::history;
use super::orders::{self, Order};
use super::person::Person;
use super::registers::Register;
use super::{Keeper, Stale};
use crate::store::erasure::{Erased, Subject};

/// What stays of an address of an order: where goods go is told by country, and how they were paid is nobody's secret.
const IMPERSONAL: [&str; 2] = ["countryCode", "paymentMethod"];

/// Returns every visitor that ever gave this e-mail.
pub(in crate::store) fn visitors_of(connection: &Connection, project: i64, email: &str) -> rusqlite::Result<Vec<String>> {
    let query = "SELECT DISTINCT visitor FROM link INDEXED BY link_of_email WHERE project = ?1 AND email = ?2";
    connection.prepare_cached(query)?.query_map(params![project, email], |row| row.get(0))?.collect()
}

/// Returns the visitors who never said who they are, but reported an order of which the back end says that it is this person's.
pub(in crate::store) fn strangers(connection: &Connection, project: i64, email: &str) -> rusqlite::Result<Vec<String>> {
    let query = "SELECT DISTINCT person FROM placed INDEXED BY placed_by_email WHERE project = ?1 AND email = ?2 AND person IS NOT NULL";
    let mut strangers = Vec::new();
    for person in connection.prepare_cached(query)?.query_map(params![project, email], |row| row.get::<_, String>(0))? {
        if let Some(Person::Visitor(visitor)) = Person::from_text(&person?)
            && history::links(connection, project, &visitor)?.is_empty()
        {
            strangers.push(visitor);
        }
    }
    Ok(strangers)
}

impl Keeper<'_> {
    /// Notes that everything of somebody has to be derived again.
    pub(in crate::store) fn mark_all(&mut self, project: i64, person: Option<Person>) {
        self.mark(project, person, Stale { carts: true, profile: true });
    }

    /// Takes a person out of everything but the log.
    pub(in crate::store) fn forget(&mut self, subject: &Subject) -> rusqlite::Result<Erased> {
        let (project, email) = (subject.project, subject.email.as_str());
        let visitors = visitors_of(self.connection, project, email)?;
        let mut people = vec![Person::Email(email.to_owned())];
        let strangers = strangers(self.connection, project, email)?;
        people.extend(visitors.iter().chain(&strangers).cloned().map(Person::Visitor));
        let mut erased = Erased { visitors: people.len() as u64 - 1, ..Erased::default() };
        for person in &people {
            erased.carts += self.clear_carts(project, person)?;
        }
        // While the links are there: they tell which orders of a shared computer were this person's.
        erased.orders = self.clear_orders(subject, &people)?;
        erased.returns = self.clear_returns(subject, &people)?;
        let unlink = "DELETE FROM link WHERE project = ?1 AND email = ?2";
        self.connection.prepare_cached(unlink)?.execute(params![project, email])?;
        let unheard = "DELETE FROM remembered WHERE project = ?1 AND id = ?2";
        self.connection.prepare_cached(unheard)?.execute(params![project, email])?;
        let drop = "DELETE FROM customer WHERE project = ?1 AND id = ?2";
        erased.customers = self.connection.prepare_cached(drop)?.execute(params![project, email])? as u64;
        for visitor in visitors {
            // Somebody else may use the same computer.
            self.mark_all(project, Some(Person::Visitor(visitor)));
        }
        Ok(erased)
    }

    fn clear_carts(&mut self, project: i64, person: &Person) -> rusqlite::Result<u64> {
        let query = "SELECT opened, basket, state <> 'gone' FROM cart INDEXED BY cart_of_owner WHERE project = ?1 AND owner = ?2";
        let row = |row: &Row<'_>| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, bool>(2)?));
        let mut statement = self.connection.prepare_cached(query)?;
        let rows: Vec<_> = statement.query_map(params![project, person.to_text()], row)?.collect::<rusqlite::Result<_>>()?;
        let empty = "UPDATE cart SET owner = '', state = 'gone', basket = NULL, touched = 0, content = '{}', settled = NULL, change = ?1
                     WHERE project = ?2 AND opened = ?3";
        for (opened, basket, _) in &rows {
            if let Some(basket) = basket {
                self.touch("UPDATE cart INDEXED BY cart_of_basket SET change = ?1 WHERE project = ?2 AND basket = ?3", project, basket)?;
            }
            let change = self.next_change();
            self.connection.prepare_cached(empty)?.execute(params![change, project, opened])?;
        }
        Ok(rows.iter().filter(|(.., seen)| *seen).count() as u64)
    }

    fn clear_orders(&mut self, subject: &Subject, people: &[Person]) -> rusqlite::Result<u64> {
        let mut cleared = 0;
        for (id, mut order) in self.orders_naming(subject, people)? {
            let is_told = order.told.text("email") == Some(subject.email.as_str());
            let is_reported = match &order.reported {
                Some((time, person)) => self.is_theirs(subject, people, person, *time)?,
                None => false,
            };
            if !is_told && !is_reported {
                continue;
            }
            clear(&mut order, is_told, is_reported);
            self.write_order(subject.project, &id, &order)?;
            self.touch_returns_of_order(subject.project, &id)?;
            cleared += 1;
        }
        Ok(cleared)
    }

    fn orders_naming(&self, subject: &Subject, people: &[Person]) -> rusqlite::Result<Vec<(String, Order)>> {
        let mut found = Vec::new();
        let row = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, orders::read(row, 1)?));
        let by_email =
            "SELECT id, told, statuses, person, reported_at FROM placed INDEXED BY placed_by_email WHERE project = ?1 AND email = ?2";
        for order in self.connection.prepare_cached(by_email)?.query_map(params![subject.project, subject.email], row)? {
            found.push(order?);
        }
        let by_person =
            "SELECT id, told, statuses, person, reported_at FROM placed INDEXED BY placed_by_person WHERE project = ?1 AND person = ?2";
        for person in people {
            for order in self.connection.prepare_cached(by_person)?.query_map(params![subject.project, person.to_text()], row)? {
                let order = order?;
                if order.1.told.text("email") != Some(subject.email.as_str()) {
                    found.push(order);
                }
            }
        }
        Ok(found)
    }

    fn clear_returns(&mut self, subject: &Subject, people: &[Person]) -> rusqlite::Result<u64> {
        let mut cleared = 0;
        let query = "SELECT id, time FROM returned INDEXED BY returned_by_person WHERE project = ?1 AND person = ?2";
        for person in people {
            let row = |row: &Row<'_>| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, i64>(1)?.cast_unsigned()));
            let mut statement = self.connection.prepare_cached(query)?;
            let rows: Vec<_> = statement.query_map(params![subject.project, person.to_text()], row)?.collect::<rusqlite::Result<_>>()?;
            for (id, time) in rows {
                if self.is_theirs(subject, people, &person.to_text(), time)? {
                    let change = self.next_change();
                    let clear = "UPDATE returned SET person = NULL, change = ?1 WHERE project = ?2 AND id = ?3";
                    self.connection.prepare_cached(clear)?.execute(params![change, subject.project, id])?;
                    cleared += 1;
                }
            }
        }
        Ok(cleared)
    }

    /// Whether a person of a table is among these, and was the one who is erased at that time.
    fn is_theirs(&self, subject: &Subject, people: &[Person], person: &str, time: u64) -> rusqlite::Result<bool> {
        let Some(person) = Person::from_text(person).filter(|person| people.contains(person)) else { return Ok(false) };
        Ok(match history::resolve(self.connection, subject.project, person, time)? {
            Person::Email(email) => email == subject.email,
            Person::Visitor(_) => true,
        })
    }
}

/// An order told of somebody else keeps what was told, even if it was reported from this person's computer.
fn clear(order: &mut Order, is_told: bool, is_reported: bool) {
    if let (Some(time), None) = (order.created_at(), order.told.get("createdAt")) {
        order.told.0.insert("createdAt".into(), Register(0, 0, time.into()));
    }
    if is_reported {
        order.reported = None;
    }
    if is_told {
        order.told.0.remove("email");
    }
    if order.told.text("email").is_none() {
        order.told.0.remove("ipAddress");
        if let Some(Register(_, _, Value::Object(billing))) = order.told.0.get_mut("billing") {
            billing.retain(|name, _| IMPERSONAL.contains(&name.as_str()));
        }
    }
}
