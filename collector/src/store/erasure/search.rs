//! Finds the events of a person, and the events that mention the person.

use std::collections::HashSet;

use rusqlite::Connection;
use tillroll_protocol::event::Visitor;
use uuid::Uuid;

use crate::store::identity;
use crate::store::log::codec::decode_segment;
use crate::store::log::segment_writer::MAX_SEGMENT_SLOTS;
use crate::store::state::person::Person;
use crate::store::state::person_records::visitors_by_order;
use crate::store::subject::Subject;

/// An event to delete.
#[derive(Debug)]
pub(in crate::store) struct Match {
    pub(in crate::store) seq: i64,
    pub(in crate::store) id: Uuid,
    /// Whether it belongs to the person. Another event only mentions them.
    pub(in crate::store) is_own: bool,
    /// The owner of the event, if it is another person and something has to be derived again without it.
    pub(in crate::store) other_person: Option<Person>,
}

/// Returns the events after `after` and up to `until` that belong to the person or mention them.
///
/// It must run in one transaction: an event that is trimmed meanwhile is found in the log or among the state events of that snapshot, exactly
/// once.
pub(in crate::store) fn find(connection: &Connection, subject: &Subject, after: i64, until: i64) -> rusqlite::Result<Vec<Match>> {
    let search = Search::new(connection, subject)?;
    let mut found = Vec::new();
    let mut state_events = connection.prepare_cached(
        "SELECT seq, time, visitor, email, id, params FROM state_event
         WHERE +project = ?1 AND seq > ?2 AND seq <= MIN(?3, (SELECT trimmed_until FROM log_head)) ORDER BY seq",
    )?;
    // A segment that ends after the previous range was left to this range, and may have expired since.
    let mut rows = state_events.query([subject.project, after - MAX_SEGMENT_SLOTS, until])?;
    while let Some(row) = rows.next()? {
        let text = |column: usize| row.get_ref(column).and_then(|value| Ok(value.as_str_or_null()?));
        let visitor = text(2)?.map(Visitor::Id).or(text(3)?.map(Visitor::Email));
        let (id, time) = (Uuid::from_bytes(row.get(4)?), row.get::<_, i64>(1)?.cast_unsigned());
        let texts = &[text(5)?.unwrap_or_default()];
        found.extend(search.check(&Candidate { seq: row.get(0)?, id, time, visitor, is_state_event: true, texts })?);
    }
    let mut segments = connection.prepare_cached(
        "SELECT last_seq, slots, body FROM segment WHERE +project = ?1 AND last_seq > ?2 AND last_seq <= ?3 ORDER BY last_seq",
    )?;
    let mut rows = segments.query([subject.project, after, until])?;
    while let Some(row) = rows.next()? {
        for (seq, event) in decode_segment(row.get_ref(2)?.as_blob()?, row.get(0)?, row.get(1)?)? {
            let texts = &[event.page.url, event.page.referrer, event.page.title, event.params];
            let (visitor, is_state_event) = (event.sender.visitor(), event.is_state_event);
            found.extend(search.check(&Candidate { seq, id: event.id, time: event.time, visitor, is_state_event, texts })?);
        }
    }
    Ok(found)
}

/// Decides what belongs to a person.
pub(in crate::store) struct Search<'a> {
    connection: &'a Connection,
    subject: &'a Subject,
    /// Visitors without an e-mail that reported an order of the person.
    visitors_by_order: HashSet<String>,
    /// These, and the visitors that gave the e-mail.
    visitors: HashSet<String>,
}

/// An event to check.
struct Candidate<'a> {
    seq: i64,
    id: Uuid,
    time: u64,
    visitor: Option<Visitor<&'a str>>,
    is_state_event: bool,
    texts: &'a [&'a str],
}

impl<'a> Search<'a> {
    pub(in crate::store) fn new(connection: &'a Connection, subject: &'a Subject) -> rusqlite::Result<Self> {
        let visitors_by_order: HashSet<_> = visitors_by_order(connection, subject.project, &subject.email)?.into_iter().collect();
        let mut visitors: HashSet<_> = identity::visitors(connection, subject.project, &subject.email)?.into_iter().collect();
        visitors.extend(visitors_by_order.iter().cloned());
        Ok(Self { connection, subject, visitors_by_order, visitors })
    }

    /// Returns the ids one of which each event of the person has: the e-mail and the visitors.
    pub(in crate::store) fn ids(&self) -> impl Iterator<Item = &str> {
        self.visitors.iter().chain([&self.subject.email]).map(String::as_str)
    }

    /// Returns whether an event with this visitor and time belongs to the person.
    pub(in crate::store) fn is_own(&self, visitor: Option<Visitor<&str>>, time: u64) -> rusqlite::Result<bool> {
        if !self.may_be_own(visitor) {
            return Ok(false);
        }
        let email = identity::email_at(self.connection, self.subject.project, visitor, time)?;
        Ok(self.is_own_as(visitor, email.as_deref()))
    }

    fn may_be_own(&self, visitor: Option<Visitor<&str>>) -> bool {
        match visitor {
            Some(Visitor::Id(id)) => self.visitors.contains(id),
            Some(Visitor::Email(email)) => email == self.subject.email,
            None => false,
        }
    }

    /// Whether an event belongs to the person if its visitor had this e-mail at its time.
    fn is_own_as(&self, visitor: Option<Visitor<&str>>, email: Option<&str>) -> bool {
        match (email, visitor) {
            (Some(email), _) => email == self.subject.email,
            (None, Some(Visitor::Id(id))) => self.visitors_by_order.contains(id),
            (None, _) => false,
        }
    }

    fn check(&self, candidate: &Candidate<'_>) -> rusqlite::Result<Option<Match>> {
        let &Candidate { seq, id, time, visitor, is_state_event, texts } = candidate;
        let is_named = texts.iter().any(|text| self.subject.is_named_in(text));
        if !self.may_be_own(visitor) && !is_named {
            return Ok(None);
        }
        let email = identity::email_at(self.connection, self.subject.project, visitor, time)?;
        if self.is_own_as(visitor, email.as_deref()) {
            return Ok(Some(Match { seq, id, is_own: true, other_person: None }));
        }
        let by_visitor = if let Some(Visitor::Id(id)) = visitor { Some(Person::Visitor(id.to_owned())) } else { None };
        let other_person = by_visitor.or(email.map(Person::Email)).filter(|_| is_state_event);
        Ok(is_named.then_some(Match { seq, id, is_own: false, other_person }))
    }
}
