//! Applies new events and backend records to the state.

use super::person::Person;
use super::records::RecordBatch;
use super::state_events;
use super::updater::{Stale, StateUpdater};
use crate::resource::Resource;
use crate::store::event_group::EventGroup;
use crate::store::identity;
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
        if let Some(visitor) = identity::insert_link(self.connection, project, &meta.id, event)? {
            self.apply_link(project, visitor)?;
        }
        let stale = match (event.kind.as_str(), group) {
            ("order", _) => return self.apply_order_report(project, event, *trust),
            ("order_cancel", _) => return self.apply_order_cancel(project, event, *trust),
            ("order_return", _) => return self.apply_order_return(project, &meta.id, event),
            ("identify", _) => Stale::ALL,
            (_, Some(EventGroup::Carts)) => Stale::CARTS,
            (_, Some(EventGroup::Profile)) => Stale::PROFILE,
            // The cart events of a bot.
            (_, None) => return Ok(()),
        };
        self.mark_stale(project, Person::of(&event.visitor), stale);
        Ok(())
    }

    /// A new link may assign orders and returns of the visitor to another person.
    fn apply_link(&mut self, project: i64, visitor: &str) -> rusqlite::Result<()> {
        let person = Person::Visitor(visitor.to_owned());
        self.bump_orders_of(project, &person)?;
        self.bump_returns_of(project, &person)?;
        self.bump_returns_of_orders_of(project, &person)
    }

    /// Applies backend records.
    pub(in crate::store) fn apply_records(&mut self, batch: &RecordBatch) -> rusqlite::Result<()> {
        for record in &batch.records {
            match record.resource {
                Resource::Orders => self.apply_order_record(batch.project, batch.time, record)?,
                _ => self.apply_record(batch.project, batch.time, record)?,
            }
        }
        Ok(())
    }

    /// Derives what is stale, and returns the number of the newest change.
    pub(in crate::store) fn finish(mut self) -> rusqlite::Result<i64> {
        for ((project, person), stale) in self.take_stale()? {
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
