//! Fields of customers from pages, derived from state events; and how they merge with the fields from the back end.
//!
//! Per field the last write wins; one from the back end wins over one from a page, whatever the times. Each tag is a field.

use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use super::lww::{LwwField, LwwMap};
use super::person::Person;
use super::state_events::{self, StateEvent};
use super::tags::tag_field;
use super::updater::StateUpdater;
use crate::store::event_group::EventGroup;
use crate::store::identity;
use crate::store::trust::PAGE_RANK;

/// The parameters of `customer_details`, and their names in the export.
const DETAILS: &[(&str, &str)] =
    &[("first_name", "firstName"), ("last_name", "lastName"), ("phone_number", "phoneNumber"), ("subscribed", "subscribed")];

/// The most bytes of the tags of a customer that pages sent. Events that name the e-mail add at most half, and those of visitors the other half.
const MAX_TAG_BYTES: usize = 32 * 1024;

impl StateUpdater<'_> {
    /// Derives the page fields of a customer again.
    pub(super) fn derive_customer(&mut self, project: i64, email: &str) -> rusqlite::Result<()> {
        let events = state_events::of_person(self.connection, project, &Person::Email(email.into()), EventGroup::Profile)?;
        let linked_at = identity::first_link_time(self.connection, project, email)?;
        let (compacted, compacted_since) = self.compacted(project, email)?;
        let first_event_at = events.iter().map(|event| event.time.cast_signed()).min();
        let first_seen_at = first_event_at.into_iter().chain(linked_at).chain(compacted_since).min();
        let page_fields = with_page_events(compacted, &events, MAX_TAG_BYTES);
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

/// Returns the page fields that stay when an event is deleted. Their tags leave place for those of visitors and of events that name the e-mail.
pub(super) fn with_deleted_event(fields: LwwMap, event: &StateEvent) -> LwwMap {
    with_page_events(fields, std::slice::from_ref(event), MAX_TAG_BYTES / 2)
}

/// Returns page fields after these events. Tags beyond `max_bytes` are not added: those of later events.
fn with_page_events(mut fields: LwwMap, events: &[StateEvent], max_bytes: usize) -> LwwMap {
    let mut bytes: usize = fields.members("tags").map(|(key, LwwField(_, _, tag))| tag_bytes(key, tag.as_str().unwrap_or_default())).sum();
    let mut shares = [MAX_TAG_BYTES / 2, (MAX_TAG_BYTES / 2).saturating_sub(bytes)];
    for event in events {
        let params: Value = serde_json::from_str(&event.params).unwrap_or_default();
        for (name, exported) in DETAILS {
            if let Some(value) = params.get(name) {
                fields.set_unordered(exported, PAGE_RANK, event.time, value.clone());
            }
        }
        let share = &mut shares[usize::from(event.names_email)];
        let tags = params.get("tags").and_then(Value::as_array).into_iter().flatten();
        for (key, tag) in tags.filter_map(Value::as_str).filter_map(tag_field) {
            let added = if fields.0.contains_key(&key) { 0 } else { tag_bytes(&key, tag) };
            if bytes + added <= max_bytes && added <= *share {
                bytes += added;
                *share -= added;
                fields.set_unordered(&key, PAGE_RANK, event.time, tag.into());
            }
        }
    }
    fields
}

/// Returns about how many bytes a tag takes.
fn tag_bytes(key: &str, tag: &str) -> usize {
    32 + key.len() + tag.len()
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
