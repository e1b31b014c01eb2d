//! Collects the changes of the state within one transaction.
//!
//! Every changed row gets the next change number. Derived state is only marked as stale here; it is derived once, at the end of the
//! transaction.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::person::Person;
use crate::store::bound::Bound;
use crate::store::identity;

/// What has to be derived again for a person.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::store) struct Stale {
    pub(super) carts: bool,
    pub(super) profile: bool,
}

impl Stale {
    pub(super) const CARTS: Self = Self { carts: true, profile: false };
    pub(super) const PROFILE: Self = Self { carts: false, profile: true };
    pub(in crate::store) const ALL: Self = Self { carts: true, profile: true };
}

/// Updates the state within one transaction.
pub(in crate::store) struct StateUpdater<'a> {
    pub(super) connection: &'a Connection,
    change: i64,
    first_change: i64,
    stale: BTreeMap<(i64, Person), Stale>,
    reached: BTreeMap<Bound, u64>,
}

impl<'a> StateUpdater<'a> {
    pub(in crate::store) fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        let change = newest_change(connection)?;
        Ok(Self { connection, change, first_change: change, stale: BTreeMap::new(), reached: BTreeMap::new() })
    }

    /// Returns the next change number.
    pub(in crate::store) fn next_change(&mut self) -> i64 {
        self.change += 1;
        self.change
    }

    /// Runs an UPDATE with the next change number, the project and a name. If it finds no row, the number stays unused.
    pub(super) fn bump_change(&mut self, update: &str, project: i64, name: &str) -> rusqlite::Result<()> {
        let rows = self.connection.prepare_cached(update)?.execute(params![self.change + 1, project, name])?;
        self.change += i64::from(rows > 0);
        Ok(())
    }

    /// Marks what has to be derived again for a person.
    pub(in crate::store) fn mark_stale(&mut self, project: i64, person: Option<Person>, stale: Stale) {
        if let Some(person) = person {
            let entry = self.stale.entry((project, person)).or_default();
            entry.carts |= stale.carts;
            entry.profile |= stale.profile;
        }
    }

    /// Marks what has to be derived again for the owner of an event that `person` sent at `time`.
    pub(in crate::store) fn mark_stale_at(
        &mut self,
        project: i64,
        person: Option<Person>,
        time: u64,
        stale: Stale,
    ) -> rusqlite::Result<()> {
        let person = person.map(|person| person.resolve(self.connection, project, time)).transpose()?;
        self.mark_stale(project, person, stale);
        Ok(())
    }

    /// Marks what has to be derived again for a person, and for every e-mail that this person ever gave as a visitor.
    pub(in crate::store) fn mark_stale_everywhere(&mut self, project: i64, person: Option<Person>, stale: Stale) -> rusqlite::Result<()> {
        if let Some(Person::Visitor(visitor)) = &person {
            for link in identity::links(self.connection, project, visitor)? {
                self.mark_stale(project, Some(Person::Email(link.email)), stale);
            }
        }
        self.mark_stale(project, person, stale);
        Ok(())
    }

    /// Returns the stale persons and empties the list.
    pub(super) fn take_stale(&mut self) -> BTreeMap<(i64, Person), Stale> {
        std::mem::take(&mut self.stale)
    }

    /// Counts something that was not added because a bound is reached.
    pub(super) fn reached(&mut self, bound: Bound) {
        *self.reached.entry(bound).or_default() += 1;
    }

    /// Stores the number of the newest change, and returns it and how often each bound was reached.
    pub(super) fn write_change(self) -> rusqlite::Result<(i64, BTreeMap<Bound, u64>)> {
        if self.change != self.first_change {
            self.connection.prepare_cached("UPDATE change_head SET change = ?1")?.execute([self.change])?;
        }
        Ok((self.change, self.reached))
    }
}

/// Returns the number of the newest change.
pub(in crate::store) fn newest_change(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT change FROM change_head")?.query_row([], |row| row.get(0))
}
