//! Finds the events of a person, and the events that mention the person.

use rusqlite::Connection;
use tillroll_protocol::event::Visitor;
use uuid::Uuid;

use crate::store::identity;
use crate::store::log::codec::decode_segment;
use crate::store::log::segment_writer::MAX_SEGMENT_SLOTS;
use crate::store::state::erasure::visitors_by_order;
use crate::store::state::person::Person;
use crate::store::subject::Subject;

/// An event to delete.
#[derive(Debug)]
pub(in crate::store) struct Match {
    pub(in crate::store) seq: i64,
    pub(in crate::store) id: Uuid,
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

struct Search<'a> {
    connection: &'a Connection,
    subject: &'a Subject,
    /// Visitors without an e-mail that reported an order of the person.
    visitors_by_order: Vec<String>,
    /// These, and the visitors that gave the e-mail.
    visitors: Vec<String>,
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
    fn new(connection: &'a Connection, subject: &'a Subject) -> rusqlite::Result<Self> {
        let visitors_by_order = visitors_by_order(connection, subject.project, &subject.email)?;
        let mut visitors = identity::all_visitors(connection, subject.project, &subject.email)?;
        visitors.extend(visitors_by_order.iter().cloned());
        Ok(Self { connection, subject, visitors_by_order, visitors })
    }

    fn check(&self, candidate: &Candidate<'_>) -> rusqlite::Result<Option<Match>> {
        let &Candidate { seq, id, time, visitor, is_state_event, texts } = candidate;
        let is_among = |visitors: &[String]| matches!(visitor, Some(Visitor::Id(id)) if visitors.iter().any(|other| other == id));
        let may_be_own = is_among(&self.visitors) || visitor == Some(Visitor::Email(self.subject.email.as_str()));
        let is_named = texts.iter().any(|text| self.subject.is_named_in(text));
        if !may_be_own && !is_named {
            return Ok(None);
        }
        let email = identity::email_at(self.connection, self.subject.project, visitor, time)?;
        if email.as_ref().map_or_else(|| is_among(&self.visitors_by_order), |email| *email == self.subject.email) {
            return Ok(Some(Match { seq, id, other_person: None }));
        }
        let by_visitor = if let Some(Visitor::Id(id)) = visitor { Some(Person::Visitor(id.to_owned())) } else { None };
        let other_person = by_visitor.or(email.map(Person::Email)).filter(|_| is_state_event);
        Ok(is_named.then_some(Match { seq, id, other_person }))
    }
}
