//! Compacts the state after events have left the log, so that the copies of those events can be deleted.
//!
//! An open cart is derived from its events, however old they are, so they stay while the cart is in use. Later the cart is compacted: the row
//! stays as it is and its events are deleted. The abandoned cart of a customer stays part of the customer's data. The abandoned cart of an
//! anonymous visitor loses its owner and keeps products and amounts. A cart that has ended is in no export any more and loses its content.
//! Page fields of a customer are stored in `compacted_customer`; those of an anonymous visitor are deleted with their events.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::carts::derive::{derive, needed_since};
use super::customers::with_deleted_event;
use super::lww::LwwMap;
use super::person::Person;
use super::state_events::{self, StateEvent, TrimmedEvent};
use super::updater::StateUpdater;
use crate::store::event_group::EventGroup;
use crate::store::identity;

/// The most events of a visitor that are deleted at once. A step reads fewer events, so none is left over.
const MAX_DELETED: i64 = 2_000;

/// Lets the next compaction look at all state events again: an erased event may have been the reason to retain them.
pub(in crate::store) fn restart_compaction(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE log_head SET compacted_until = 0")?.execute([]).map(|_| ())
}

impl StateUpdater<'_> {
    /// Compacts the state of the people with these events, up to the event `until` of the log. Returns the number up to which it is compacted
    /// now, and whether there may be more to do.
    pub(in crate::store) fn compact(&mut self, after: i64, until: i64, limit: usize) -> rusqlite::Result<(i64, bool)> {
        let events = state_events::read_trimmed(self.connection, after, until, limit)?;
        let has_more = events.len() == limit;
        let until = events.last().filter(|_| has_more).map_or(until, |last| last.event.seq);
        let mut cart_owners = BTreeSet::new();
        for TrimmedEvent { project, group, person, event } in events {
            let person = person.map(|person| person.resolve(self.connection, project, event.time)).transpose()?;
            if group == EventGroup::Carts {
                cart_owners.extend(person.map(|person| (project, person)));
                continue;
            }
            if let Some(Person::Email(email)) = &person {
                self.save_compacted(project, email, &event)?;
            }
            state_events::delete(self.connection, project, event.seq, Uuid::from_bytes_ref(&event.id))?;
        }
        cart_owners.iter().try_for_each(|(project, person)| self.compact_carts(*project, person, until))?;
        Ok((until, has_more))
    }

    /// Stores the page fields of a profile event, so that the event can be deleted.
    fn save_compacted(&mut self, project: i64, email: &str, event: &StateEvent) -> rusqlite::Result<()> {
        let (fields, first_seen_at) = self.compacted(project, email)?;
        let time = event.time.cast_signed();
        let upsert = "INSERT INTO compacted_customer (project, id, page_fields, first_seen_at) VALUES (?1, ?2, ?3, ?4)
                      ON CONFLICT (project, id) DO UPDATE SET page_fields = ?3, first_seen_at = ?4";
        let fields = with_deleted_event(fields, event);
        self.connection.prepare_cached(upsert)?.execute(params![project, email, fields, first_seen_at.unwrap_or(time).min(time)])?;
        Ok(())
    }

    /// Returns the page fields of a customer from deleted events, and the time of the first of these events.
    pub(super) fn compacted(&self, project: i64, email: &str) -> rusqlite::Result<(LwwMap, Option<i64>)> {
        let query = "SELECT page_fields, first_seen_at FROM compacted_customer WHERE project = ?1 AND id = ?2";
        let mut select = self.connection.prepare_cached(query)?;
        let compacted = select.query_row(params![project, email], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        Ok(compacted.unwrap_or_default())
    }

    fn compact_carts(&mut self, project: i64, person: &Person, until: i64) -> rusqlite::Result<()> {
        let events = state_events::of_carts(self.connection, project, person)?;
        let first_in_log = events.iter().filter(|event| event.seq > until).map(|event| event.time).min();
        let needed = needed_since(&derive(&events, &self.order_times(project, person)?), first_in_log);
        let needed = i64::try_from(needed).unwrap_or(i64::MAX);
        let owner = person.to_text();
        let is_unneeded = "project = ?1 AND owner = ?2 AND updated_at < ?3 AND is_compacted IS NULL";
        if matches!(person, Person::Visitor(_)) {
            let query = format!("SELECT cart_id FROM cart INDEXED BY cart_by_owner WHERE {is_unneeded} AND state = 'open'");
            let mut select = self.connection.prepare_cached(&query)?;
            let rows = select.query_map(params![project, owner, needed], |row| row.get(0))?;
            for cart_id in rows.collect::<rusqlite::Result<Vec<[u8; 16]>>>()? {
                let change = self.next_change();
                let update = "UPDATE cart SET owner = '', is_compacted = 1, change = ?1 WHERE project = ?2 AND cart_id = ?3";
                self.connection.prepare_cached(update)?.execute(params![change, project, cart_id])?;
            }
        }
        for update in
            ["is_compacted = 1 WHERE state = 'open' AND", "is_compacted = 1, owner = '', content = '{}' WHERE state <> 'open' AND"]
        {
            let update = format!("UPDATE cart INDEXED BY cart_by_owner SET {update} {is_unneeded}");
            self.connection.prepare_cached(&update)?.execute(params![project, owner, needed])?;
        }
        self.delete_cart_events(project, person, needed, until)
    }

    /// Deletes the cart events of a person before the time `before` and up to the number `until`.
    fn delete_cart_events(&mut self, project: i64, person: &Person, before: i64, until: i64) -> rusqlite::Result<()> {
        let find = |column: &str, name: &str| -> rusqlite::Result<Vec<(i64, i64, [u8; 16])>> {
            let query = format!(
                "SELECT seq, time, id FROM state_event INDEXED BY state_event_by_{column}
                 WHERE project = ?1 AND {column} = ?2 AND event_group = ?3 AND time < ?4 AND seq <= ?5 ORDER BY time LIMIT ?6"
            );
            let mut select = self.connection.prepare_cached(&query)?;
            let values = params![project, name, EventGroup::Carts, before, until, MAX_DELETED];
            select.query_map(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        };
        let mut found = Vec::new();
        match person {
            Person::Visitor(visitor) => found.extend(find("visitor", visitor)?),
            Person::Email(email) => {
                found.extend(find("email", email)?);
                for visitor in identity::visitors(self.connection, project, email)? {
                    let links = identity::links(self.connection, project, &visitor)?;
                    let is_own = |time: i64| identity::email_of_links(&links, time.cast_unsigned()) == Some(email);
                    found.extend(find("visitor", &visitor)?.into_iter().filter(|(_, time, _)| is_own(*time)));
                }
            }
        }
        found.iter().try_for_each(|(seq, _, id)| state_events::delete(self.connection, project, *seq, Uuid::from_bytes_ref(id)))
    }
}
