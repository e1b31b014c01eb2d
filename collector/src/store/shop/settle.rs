//! What stays of people whose events have left the log.
//!
//! A cart that somebody still changes is made of its events, however old they are, so those stay until it is left alone for long enough.
//! After that it is settled: it stays as it is, and its events go. Of somebody known, a cart that was left behind is part of what the shop
//! knows of a customer. Of a visitor who never said who they are it stays as goods and amounts, nobody's. Carts that have ended are in no
//! list any more and hold nothing then. What people told of themselves is in the customer's record; what strangers told goes with its events.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::Keeper;
use super::carts;
use super::customers::heard;
use super::history::{self, About, Step, is_of_carts};
use super::person::Person;
use super::registers::Registers;
use crate::store::step;

/// The most events of a visitor that are deleted at once. Each step looks at fewer, so none is left over.
const MOST: i64 = 2_000;

/// An event that has left the log and was kept for the state.
pub(in crate::store) struct Old {
    pub(in crate::store) seq: i64,
    project: i64,
    /// Which part of a history it belongs to.
    step: i64,
    person: Option<Person>,
    what: Step,
}

impl Old {
    /// Reads `seq, project, step, visitor, email, time, id, type, store, params`.
    pub(in crate::store) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (visitor, email): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
        let person = email.map(Person::Email).or(visitor.map(Person::Visitor));
        Ok(Self { seq: row.get(0)?, project: row.get(1)?, step: row.get(2)?, person, what: Step::read(row, 5)? })
    }
}

impl Keeper<'_> {
    /// Settles what is over of the people of these events. `until` is the place of the last event that has left the log.
    pub(in crate::store) fn settle(&mut self, old: &[Old], until: i64) -> rusqlite::Result<()> {
        let mut owners = BTreeSet::new();
        for Old { seq, project, step: part, person, what } in old {
            let person = person.clone().map(|person| history::resolve(self.connection, *project, person, what.time)).transpose()?;
            if is_of_carts(*part) {
                owners.extend(person.map(|person| (*project, person)));
                continue;
            }
            if let Some(Person::Email(email)) = &person {
                self.remember(*project, email, what)?;
            }
            step::drop(self.connection, *project, *seq, Uuid::from_bytes_ref(&what.id))?;
        }
        owners.iter().try_for_each(|(project, person)| self.settle_carts(*project, person, until))
    }

    /// Keeps what somebody told, without the event that told it.
    fn remember(&mut self, project: i64, email: &str, what: &Step) -> rusqlite::Result<()> {
        let (known, since) = self.remembered(project, email)?;
        let time = what.time.cast_signed();
        let keep = "INSERT INTO remembered (project, id, heard, seen) VALUES (?1, ?2, ?3, ?4)
                    ON CONFLICT (project, id) DO UPDATE SET heard = ?3, seen = ?4";
        let heard = heard(known, std::slice::from_ref(what));
        self.connection.prepare_cached(keep)?.execute(params![project, email, heard, since.unwrap_or(time).min(time)])?;
        Ok(())
    }

    /// Returns what a customer told by events that are gone, and when the first of them was.
    pub(super) fn remembered(&self, project: i64, email: &str) -> rusqlite::Result<(Registers, Option<i64>)> {
        let mut remembered = self.connection.prepare_cached("SELECT heard, seen FROM remembered WHERE project = ?1 AND id = ?2")?;
        let known = remembered.query_row(params![project, email], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        Ok(known.unwrap_or_default())
    }

    fn settle_carts(&mut self, project: i64, person: &Person, until: i64) -> rusqlite::Result<()> {
        let steps = history::steps(self.connection, project, person, About::Carts)?;
        let young = steps.iter().filter(|step| step.seq > until).map(|step| step.time).min();
        let needed = carts::needed(&carts::derive(&steps, &self.orders_of(project, person)?), young);
        let needed = i64::try_from(needed).unwrap_or(i64::MAX);
        let owner = person.to_text();
        let over = "project = ?1 AND owner = ?2 AND touched < ?3 AND settled IS NULL";
        if matches!(person, Person::Visitor(_)) {
            let open = format!("SELECT opened FROM cart INDEXED BY cart_of_owner WHERE {over} AND state = 'open'");
            let mut statement = self.connection.prepare_cached(&open)?;
            let open =
                statement.query_map(params![project, owner, needed], |row| row.get(0))?.collect::<rusqlite::Result<Vec<[u8; 16]>>>()?;
            for opened in open {
                let change = self.next_change();
                let part = "UPDATE cart SET owner = '', settled = 1, change = ?1 WHERE project = ?2 AND opened = ?3";
                self.connection.prepare_cached(part)?.execute(params![change, project, opened])?;
            }
        }
        for keep in ["settled = 1 WHERE state = 'open' AND", "settled = 1, owner = '', content = '{}' WHERE state <> 'open' AND"] {
            let update = format!("UPDATE cart INDEXED BY cart_of_owner SET {keep} {over}");
            self.connection.prepare_cached(&update)?.execute(params![project, owner, needed])?;
        }
        self.delete_steps(project, person, needed, until)
    }

    /// Deletes the events of somebody's carts before a time.
    fn delete_steps(&mut self, project: i64, person: &Person, before: i64, until: i64) -> rusqlite::Result<()> {
        let by = |name: &str| {
            format!(
                "SELECT seq, time, id FROM step INDEXED BY step_of_{name} WHERE project = ?1 AND {name} = ?2 AND step = 1 AND time < ?3
                     AND seq <= ?4 ORDER BY time LIMIT ?5"
            )
        };
        let find = |query: &str, name: &str| -> rusqlite::Result<Vec<(i64, i64, [u8; 16])>> {
            let mut statement = self.connection.prepare_cached(query)?;
            statement.query_map(params![project, name, before, until, MOST], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        };
        let mut found = Vec::new();
        match person {
            Person::Visitor(visitor) => found.extend(find(&by("visitor"), visitor)?),
            Person::Email(email) => {
                found.extend(find(&by("email"), email)?);
                for visitor in history::visitors(self.connection, project, email)? {
                    let links = history::links(self.connection, project, &visitor)?;
                    let theirs = find(&by("visitor"), &visitor)?.into_iter();
                    found.extend(theirs.filter(|(_, time, _)| history::known(&links, time.cast_unsigned()) == Some(email)));
                }
            }
        }
        found.iter().try_for_each(|(seq, _, id)| step::drop(self.connection, project, *seq, Uuid::from_bytes_ref(id)))
    }
}
