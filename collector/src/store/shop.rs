//! What is true of the shop now: customers, catalogue, orders, carts and returns, kept in the transaction that stores what changed them.
//!
//! Nothing here depends on the order in which things arrive. What a back end says is kept field by field, each with the time at which it
//! was said. What follows from events is not carried on but derived again from the steps that people took, for those of whom the transaction
//! had news. Each such person's history is short and found by an index, and its newest part is enough: see [`history`].
//!
//! Queries name their index. Left alone SQLite reads all rows of a project, because the primary keys begin with it.

mod cart_rows;
mod carts;
mod customers;
mod document;
mod erasure;
mod history;
mod instant;
mod listing;
mod orders;
mod person;
mod records;
mod registers;
mod returns;
mod settle;

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use tillroll_protocol::event::Event;
use uuid::Uuid;

pub use document::{Change, Family};
pub(super) use document::{changes, now};
pub(super) use erasure::{strangers, visitors_of};
use history::{is_of_carts, step_of};
pub use listing::{List, Place};
pub(super) use listing::{count, page};
pub(super) use person::Person;
pub(super) use records::options_of;
pub use registers::part;
pub(super) use returns::{returns_of, returns_with_lines};
pub(super) use settle::Old;

/// Which list a record belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// People, by e-mail.
    Customer,
    /// Groups of products.
    Category,
    /// What the shop sells.
    Product,
    /// What was bought.
    Order,
}

/// What a back end says of one thing. A field that is not in it stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What kind of thing.
    pub table: Table,
    /// Its id in the shop; of a customer the normalised e-mail.
    pub id: String,
    /// Its fields, under the names of the export. A part of a field that merges is named by [`part`].
    pub fields: Vec<(String, serde_json::Value)>,
}

/// The records of one request.
#[derive(Debug)]
pub struct Telling {
    /// The project's number in the store.
    pub project: i64,
    /// When it was said, in milliseconds since 1970.
    pub time: u64,
    /// What was said. Of two records of one thing the later one counts.
    pub records: Vec<Record>,
}

/// Who vouches for what a request says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Voucher {
    /// Nobody: anybody can make a page say anything.
    #[default]
    Page,
    /// Nobody either; it comes from a program that reads shops, by its own word.
    Bot,
    /// The owner of the project, by a secret.
    Owner,
}

impl Voucher {
    /// Whose words count more; a back end's rank is that of an owner.
    fn rank(self) -> u8 {
        match self {
            Self::Page | Self::Bot => 0,
            Self::Owner => records::BACK_END,
        }
    }

    /// Returns what an event of this type belongs to, if to any part of a history. What a program puts into carts is no cart of anybody.
    pub(super) fn step_of(self, kind: &str) -> Option<i64> {
        step_of(kind).filter(|step| self != Self::Bot || !is_of_carts(*step))
    }
}

/// What of a person has to be derived again.
#[derive(Clone, Copy, Debug, Default)]
struct Stale {
    carts: bool,
    profile: bool,
}

/// Whether something of the state follows from events of this type.
pub(super) fn is_told_by(kind: &str) -> bool {
    step_of(kind).is_some() || matches!(kind, "order" | "order_cancel" | "order_return")
}

/// Keeps the state current within one transaction.
pub(super) struct Keeper<'a> {
    connection: &'a Connection,
    change: i64,
    began_at: i64,
    stale: BTreeMap<(i64, Person), Stale>,
}

impl<'a> Keeper<'a> {
    pub(super) fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        let change = head(connection)?;
        Ok(Self { connection, change, began_at: change, stale: BTreeMap::new() })
    }

    /// Takes note of a newly stored event. Most types of event change nothing.
    pub(super) fn note(&mut self, project: i64, key: &Uuid, event: &Event, voucher: Voucher) -> rusqlite::Result<()> {
        let stale = match event.kind.as_str() {
            "basket_add" | "basket_remove" | "basket_update" if voucher == Voucher::Bot => return Ok(()),
            "basket_add" | "basket_remove" | "basket_update" => Stale { carts: true, profile: false },
            "customer_details" | "tag" => Stale { carts: false, profile: true },
            "identify" => Stale { carts: true, profile: true },
            "order" => return self.report_order(project, event, voucher),
            "order_cancel" => return self.cancel_order(project, event, voucher),
            "order_return" => return self.return_order(project, key, event),
            _ => return Ok(()),
        };
        self.mark(project, Person::of(&event.visitor), stale);
        Ok(())
    }

    /// Takes note of a new link between a visitor and an e-mail: what either did may now be somebody else's.
    pub(super) fn note_link(&mut self, project: i64, visitor: &str) -> rusqlite::Result<()> {
        let person = Person::Visitor(visitor.to_owned());
        self.touch_orders_of(project, &person)?;
        self.touch_returns_of(project, &person)?;
        self.touch_returns_of_orders_of(project, &person)
    }

    /// Takes over what a back end said.
    pub(super) fn tell(&mut self, telling: &Telling) -> rusqlite::Result<()> {
        for record in &telling.records {
            match record.table {
                Table::Order => self.tell_order(telling.project, telling.time, record)?,
                _ => self.tell_record(telling.project, telling.time, record)?,
            }
        }
        Ok(())
    }

    /// Derives what is stale and returns the number of the newest change.
    pub(super) fn finish(mut self) -> rusqlite::Result<i64> {
        for ((project, person), stale) in self.spread()? {
            if stale.carts {
                self.derive_carts(project, &person)?;
            }
            if let (true, Person::Email(email)) = (stale.profile, &person) {
                self.derive_customer(project, email)?;
            }
        }
        if self.change != self.began_at {
            self.connection.prepare_cached("UPDATE change_head SET change = ?1")?.execute([self.change])?;
        }
        Ok(self.change)
    }

    fn mark(&mut self, project: i64, person: Option<Person>, stale: Stale) {
        if let Some(person) = person {
            let known = self.stale.entry((project, person)).or_default();
            known.carts |= stale.carts;
            known.profile |= stale.profile;
        }
    }

    /// Whatever concerns a visitor concerns everybody whom that visitor was ever known as.
    fn spread(&mut self) -> rusqlite::Result<BTreeMap<(i64, Person), Stale>> {
        for ((project, person), stale) in std::mem::take(&mut self.stale) {
            if let Person::Visitor(visitor) = &person {
                for link in history::links(self.connection, project, visitor)? {
                    self.mark(project, Some(Person::Email(link.email)), stale);
                }
            }
            self.mark(project, Some(person), stale);
        }
        Ok(std::mem::take(&mut self.stale))
    }

    /// Gives rows, of which something else has changed, a new number of change. Where there are none, no number is used.
    fn touch(&mut self, update: &'static str, project: i64, name: &str) -> rusqlite::Result<()> {
        let touched = self.connection.prepare_cached(update)?.execute(params![self.change + 1, project, name])?;
        self.change += i64::from(touched > 0);
        Ok(())
    }

    /// Returns a number for a change.
    pub(super) fn next_change(&mut self) -> i64 {
        self.change += 1;
        self.change
    }
}

/// Returns the number of the newest change.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT change FROM change_head")?.query_row([], |row| row.get(0))
}
