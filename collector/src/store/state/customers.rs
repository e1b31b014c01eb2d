//! Fields of customers from pages, derived from state events; and how they merge with the fields from the back end.
//!
//! Per field the last write wins; one from the back end wins over one from a page, whatever the times. Each tag is a field.

use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use super::lww::{LwwField, LwwMap, merged_key};
use super::person::Person;
use super::state_events::{self, StateEvent};
use super::updater::StateUpdater;
use crate::store::event_group::EventGroup;
use crate::store::identity;
use crate::store::trust::PAGE_RANK;

/// The parameters of `customer_details`, and their names in the export.
const DETAILS: &[(&str, &str)] =
    &[("first_name", "firstName"), ("last_name", "lastName"), ("phone_number", "phoneNumber"), ("subscribed", "subscribed")];

/// The most bytes of the page fields of a customer.
const MAX_BYTES: usize = 32 * 1024;

impl StateUpdater<'_> {
    /// Derives the page fields of a customer again.
    pub(super) fn derive_customer(&mut self, project: i64, email: &str) -> rusqlite::Result<()> {
        let events = state_events::of_person(self.connection, project, &Person::Email(email.into()), EventGroup::Profile)?;
        let linked_at = identity::first_link_time(self.connection, project, email)?;
        let (compacted, compacted_since) = self.compacted(project, email)?;
        let first_event_at = events.first().map(|event| event.time.cast_signed());
        let first_seen_at = first_event_at.into_iter().chain(linked_at).chain(compacted_since).min();
        let page_fields = with_page_events(compacted, &events);
        let stored: Option<(LwwMap, Option<i64>)> = self
            .connection
            .prepare_cached("SELECT page_fields, first_seen_at FROM customer WHERE project = ?1 AND id = ?2")?
            .query_row(params![project, email], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if stored.as_ref() == Some(&(page_fields.clone(), first_seen_at)) || stored.is_none() && first_seen_at.is_none() {
            return Ok(());
        }
        let change = self.next_change();
        self.connection
            .prepare_cached(
                "INSERT INTO customer (project, id, page_fields, first_seen_at, change) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (project, id) DO UPDATE SET page_fields = ?3, first_seen_at = ?4, change = ?5",
            )?
            .execute(params![project, email, page_fields, first_seen_at, change])?;
        Ok(())
    }
}

/// Returns page fields after these events. Fields that exceed [`MAX_BYTES`] are not added.
pub(super) fn with_page_events(mut fields: LwwMap, events: &[StateEvent]) -> LwwMap {
    let mut bytes: usize = fields.0.iter().map(|(name, LwwField(_, _, value))| field_bytes(name, value)).sum();
    let mut set = |name: &str, time: u64, value: Value| {
        let added = if fields.0.contains_key(name) { 0 } else { field_bytes(name, &value) };
        if bytes + added <= MAX_BYTES {
            bytes += added;
            fields.set_unordered(name, PAGE_RANK, time, value);
        }
    };
    for event in events {
        let params: Value = serde_json::from_str(&event.params).unwrap_or_default();
        for (name, exported) in DETAILS {
            if let Some(value) = params.get(name) {
                set(exported, event.time, value.clone());
            }
        }
        for tag in params.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            set(&merged_key("tags", &tag.to_lowercase(), ""), event.time, tag.into());
        }
    }
    fields
}

/// Returns about how many bytes a field takes.
fn field_bytes(name: &str, value: &Value) -> usize {
    32 + name.len() + value.as_str().map_or(8, str::len)
}

/// Merges the fields of a customer: those of pages only complete those that came in other ways.
pub(super) fn merge(backend: LwwMap, page: LwwMap) -> LwwMap {
    let mut fields = page.0;
    fields.extend(backend.0);
    LwwMap(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_the_backend_wins_whatever_the_times() {
        let fields = |all: &[(&str, u64, &str)]| {
            let mut fields = LwwMap::default();
            for (name, time, value) in all {
                fields.set(name, 1, *time, (*value).into());
            }
            fields
        };
        let backend = fields(&[("a", 2, "backend"), ("b", 2, "backend"), ("c", 2, "backend"), ("d", 2, "backend")]);
        let page = fields(&[("a", 1, "page"), ("b", 2, "page"), ("c", 3, "page"), ("e", 1, "page")]);
        let merged = merge(backend, page);
        let texts: Vec<_> = ["a", "b", "c", "d", "e"].iter().map(|name| merged.text(name).unwrap()).collect();
        assert_eq!(texts, ["backend", "backend", "backend", "backend", "page"]);
    }
}
