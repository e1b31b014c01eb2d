//! Collects the changes of the state within one transaction.
//!
//! Every changed row gets the next change number. Derived state is only marked as stale here; it is derived once, at the end of the
//! transaction.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::person::Person;
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
}

impl<'a> StateUpdater<'a> {
    pub(in crate::store) fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        let change = newest_change(connection)?;
        Ok(Self { connection, change, first_change: change, stale: BTreeMap::new() })
    }

    /// Returns the next change number.
    pub(in crate::store) fn next_change(&mut self) -> i64 {
        self.change += 1;
        self.change
    }

    /// Runs an UPDATE with the next change number, the project and a name. If it finds no row, the number stays unused.
    pub(super) fn bump_change(&mut self, update: &'static str, project: i64, name: &str) -> rusqlite::Result<()> {
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

    /// Takes everyone who is stale. A change of a visitor concerns every e-mail that the visitor ever gave.
    pub(super) fn take_stale(&mut self) -> rusqlite::Result<BTreeMap<(i64, Person), Stale>> {
        for ((project, person), stale) in std::mem::take(&mut self.stale) {
            if let Person::Visitor(visitor) = &person {
                for link in identity::links(self.connection, project, visitor)? {
                    self.mark_stale(project, Some(Person::Email(link.email)), stale);
                }
            }
            self.mark_stale(project, Some(person), stale);
        }
        Ok(std::mem::take(&mut self.stale))
    }

    /// Stores the number of the newest change and returns it.
    pub(super) fn write_change(self) -> rusqlite::Result<i64> {
        if self.change != self.first_change {
            self.connection.prepare_cached("UPDATE change_head SET change = ?1")?.execute([self.change])?;
        }
        Ok(self.change)
    }
}

/// Returns the number of the newest change.
pub(in crate::store) fn newest_change(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT change FROM change_head")?.query_row([], |row| row.get(0))
}
