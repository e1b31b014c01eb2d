//! Deletes events, and completes an erasure.

use std::sync::Arc;

use rusqlite::Connection;

use super::search::{Match, find};
use crate::store::imports::{self, RecordKey};
use crate::store::log::event_reader::write_tombstones;
use crate::store::state::compaction::restart_compaction;
use crate::store::state::state_events;
use crate::store::state::updater::{Stale, StateUpdater};
use crate::store::subject::{Erased, Subject};

/// The last transaction of an erasure.
#[derive(Debug)]
pub(in crate::store) struct FinishErasure {
    pub(in crate::store) subject: Arc<Subject>,
    /// The log is searched up to this number.
    pub(in crate::store) after: i64,
    /// The imported records that mention the subject, up to a change number.
    pub(in crate::store) imported: (Vec<RecordKey>, i64),
}

/// Deletes events from the log, their ids, and their copies for the state.
pub(in crate::store) fn delete_events(
    connection: &Connection,
    state: &mut StateUpdater<'_>,
    project: i64,
    matches: &[Match],
) -> rusqlite::Result<()> {
    for Match { seq, id, other_person, .. } in matches {
        mark_erased(connection, state, *seq)?;
        state_events::delete(connection, project, *seq, id)?;
        state.mark_stale_everywhere(project, other_person.clone(), Stale::ALL)?;
    }
    if matches.iter().any(|found| found.other_person.is_some()) {
        restart_compaction(connection)?;
    }
    let mut seqs: Vec<i64> = matches.iter().map(|found| found.seq).collect();
    seqs.sort_unstable();
    write_tombstones(connection, project, &seqs)
}

/// Stores that an event was erased, so that readers of the changes delete it too.
fn mark_erased(connection: &Connection, state: &mut StateUpdater<'_>, seq: i64) -> rusqlite::Result<()> {
    let insert = "INSERT INTO erased_event (change, seq) VALUES (?1, ?2)";
    connection.prepare_cached(insert)?.execute([state.next_change(), seq]).map(|_| ())
}

/// Erases what is left of a person: the newest events, links, the state and imported records.
pub(in crate::store) fn finish(connection: &Connection, state: &mut StateUpdater<'_>, erasure: &FinishErasure) -> rusqlite::Result<Erased> {
    let FinishErasure { subject, after, imported: (keys, change) } = erasure;
    let found = find(connection, subject, *after, i64::MAX)?;
    delete_events(connection, state, subject.project, &found)?;
    // Readers of the changes learn that links and customers were deleted, even if no event was.
    mark_erased(connection, state, 0)?;
    let mut erased = state.erase(subject)?;
    let (new_keys, _) = imports::find_named(connection, subject, *change)?;
    imports::erase(connection, state, subject, keys.iter().chain(&new_keys), &mut erased)?;
    erased.events += found.len() as u64;
    Ok(erased)
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::time::Duration;

    use tillroll_protocol::event::{Event, Page, Visitor};
    use tillroll_protocol::params::EventParams;
    use tillroll_protocol::unchecked_event::ValidEvent;
    use uuid::Uuid;

    use super::*;
    use crate::store::log::append::{AppendRequest, Appender};
    use crate::store::log::batch::EncodedBatch;
    use crate::store::log::retention::{Watermarks, delete_expired};
    use crate::store::schema::{connect, migrations};
    use crate::store::trust::TrustLevel;

    /// A store with one person, who adds products to a cart.
    struct Shop {
        _folder: tempfile::TempDir,
        connection: Connection,
        subject: Subject,
    }

    impl Shop {
        fn open() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("s");
            let mut connection = connect::connect(&path, Duration::ZERO).unwrap();
            migrations::migrate(&mut connection, &path).unwrap();
            let project = connect::project_number(&connection, "t").unwrap();
            Self { _folder: folder, connection, subject: Subject::new(project, "a@x.com".into()) }
        }

        /// Stores events with these ids that arrive at a time, and returns how many are new.
        fn add(&self, ids: Range<u128>, received_at: u64) -> u64 {
            let mut batch = EncodedBatch::new(received_at, TrustLevel::Browser);
            for id in ids {
                let visitor = Visitor::Email("a@x.com".to_owned());
                let params = r#"{"product_id":"1","quantity":1}"#.to_owned();
                let params = EventParams::from_stored(params);
                let (kind, api) = ("basket_add".to_owned(), "shop".to_owned());
                let page = Page::default();
                let event = Event { id: String::new(), kind, api, time: 1, visitor, session_id: None, store_id: None, page, params };
                batch.push(Uuid::from_u128(id), &ValidEvent::unchecked(event));
            }
            let project = self.subject.project;
            let mut state = StateUpdater::begin(&self.connection).unwrap();
            let mut log = Appender::begin(&self.connection).unwrap();
            let (appended, new_state_events) = {
                let request = AppendRequest { project, batch };
                let (appended, events) = log.append(project, &[&request]).unwrap();
                events.iter().for_each(|event| state.apply_event(project, event).unwrap());
                (appended, events.len())
            };
            assert_eq!(appended[0].accepted, new_state_events as u64);
            state.finish().unwrap();
            log.finish().unwrap();
            appended[0].accepted
        }

        fn find(&self, after: i64, until: i64) -> Vec<Match> {
            find(&self.connection, &self.subject, after, until).unwrap()
        }

        fn delete(&self, matches: &[Match]) {
            let mut state = StateUpdater::begin(&self.connection).unwrap();
            delete_events(&self.connection, &mut state, self.subject.project, matches).unwrap();
            state.finish().unwrap();
        }
    }

    #[test]
    fn an_event_that_is_trimmed_between_two_searches_is_found_by_one_of_them() {
        let shop = Shop::open();
        shop.add(0..10, 1);
        shop.add(10..11, 9);
        // The first range ends within the first segment, which is left to the second search.
        let first = shop.find(0, 5);
        shop.delete(&first);
        let mut watermarks = Watermarks::read(&shop.connection).unwrap();
        let trimmed = delete_expired(&shop.connection, &mut watermarks, 5, 500).unwrap();
        watermarks.write(&shop.connection).unwrap();
        let second = shop.find(5, i64::MAX);
        assert_eq!((trimmed.deleted, first.len() + second.len()), (10, 11));
    }

    #[test]
    fn an_event_that_is_stored_again_between_two_erasures_is_a_duplicate_afterwards() {
        let shop = Shop::open();
        shop.add(0..3, 1);
        let found = shop.find(0, 3);
        shop.delete(&found);
        assert_eq!(shop.add(0..3, 2), 3);
        shop.delete(&found);
        assert_eq!(shop.add(0..3, 3), 0);
    }
}
