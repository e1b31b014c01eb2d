//! Applies new events and backend records to the state.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::person::Person;
use super::records::RecordBatch;
use super::state_events;
use super::updater::{Stale, StateUpdater};
use crate::resource::Resource;
use crate::store::bound::Bound;
use crate::store::event_group::EventGroup;
use crate::store::identity::{self, NewLink};
use crate::store::log::append::NewStateEvent;

impl StateUpdater<'_> {
    /// Applies a newly stored event: its copy for the derived state, its identity link, and what it changes.
    pub(in crate::store) fn apply_event(&mut self, project: i64, new: &NewStateEvent<'_>) -> rusqlite::Result<()> {
        let NewStateEvent { seq, meta, trust } = new;
        let Some(event) = &meta.state_event else { return Ok(()) };
        let group = trust.event_group(&event.kind);
        if let Some(group) = group {
            state_events::insert(self.connection, project, *seq, group, &meta.id, event)?;
        }
        match identity::insert_link(self.connection, project, (*seq, &meta.id), event)? {
            NewLink::None => {}
            NewLink::Added(visitor) => self.apply_link(project, visitor, event.time, &meta.id)?,
            NewLink::Refused => self.reached(Bound::IdentityLinks),
        }
        let stale = match (event.kind.as_str(), group) {
            ("order" | "order_cancel", _) => return self.apply_order_event(project, *seq, meta, event, *trust),
            ("order_return", _) => return self.apply_order_return(project, (*seq, &meta.id), event, *trust),
            ("identify", _) => Stale::ALL,
            (_, Some(EventGroup::Carts)) => Stale::CARTS,
            (_, Some(EventGroup::Profile)) => Stale::PROFILE,
            // The cart events of a bot.
            (_, None) => return Ok(()),
        };
        self.mark_stale_at(project, Person::of(&event.visitor), event.time, stale)
    }

    /// A new link may assign events, orders and returns of the visitor to another person.
    fn apply_link(&mut self, project: i64, visitor: &str, time: u64, id: &Uuid) -> rusqlite::Result<()> {
        let person = Person::Visitor(visitor.to_owned());
        // Events between two links belong to the first of them, and events before all links to the first link.
        for email in identity::neighbours(self.connection, project, visitor, time, id)? {
            self.mark_stale(project, Some(Person::Email(email)), Stale::ALL);
        }
        self.mark_stale(project, Some(person.clone()), Stale::ALL);
        self.mark_stale_customers_of_orders_of(project, &person)?;
        self.bump_orders_of(project, &person)?;
        self.bump_returns_of(project, &person)?;
        self.bump_returns_of_orders_of(project, &person)
    }

    /// Applies backend records. Returns the places of those for which their customer has too many tags.
    pub(in crate::store) fn apply_records(&mut self, batch: &RecordBatch) -> rusqlite::Result<Vec<usize>> {
        let mut refused = Vec::new();
        for (place, record) in batch.records.iter().enumerate() {
            match record.resource {
                Resource::Orders => self.apply_order_record(batch, record)?,
                _ if !self.apply_record(batch, record)? => refused.push(place),
                _ => {}
            }
        }
        Ok(refused)
    }

    /// Derives what is stale, and returns the number of the newest change and how often each bound was reached.
    pub(in crate::store) fn finish(mut self) -> rusqlite::Result<(i64, BTreeMap<Bound, u64>)> {
        for ((project, person), stale) in self.take_stale() {
            if stale.carts {
                self.derive_carts(project, &person)?;
            }
            if let (true, Person::Email(email)) = (stale.profile, &person) {
                self.derive_customer(project, email)?;
            }
        }
        self.write_change()
    }
}
