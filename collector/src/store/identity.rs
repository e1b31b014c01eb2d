//! Links between visitors and e-mails.
//!
//! An `identify` event links a visitor's id to an e-mail from the time of the call, in the transaction that stores the event. Another event
//! of the visitor belongs to the latest e-mail at the event's own time, or to the first e-mail if there was none yet. So two people who share
//! a computer stay two people, and the order in which events arrive does not matter, since all links are stored.

use rusqlite::{Connection, Row, params};
use serde::Deserialize;
use tillroll_protocol::event::{Event, Visitor};
use uuid::Uuid;

/// The most links of a visitor, and the most visitors of an e-mail: the first ones to arrive. Later ones are not added.
const MAX_LINKS: i64 = 256;

/// The most links to an e-mail.
const MAX_LINKS_OF_EMAIL: i64 = 4_096;

/// A newly stored `identify` event.
pub(in crate::store) enum NewLink<'e> {
    /// It links nothing.
    None,
    /// It links this visitor.
    Added(&'e str),
    /// It is not added, because the visitor or the e-mail has the most links.
    Refused,
}

/// An e-mail that a visitor gave.
#[derive(Clone, Debug)]
pub(in crate::store) struct Link {
    pub(in crate::store) time: u64,
    pub(in crate::store) email: String,
}

/// Returns the e-mail of a visitor for an event at `time`, in milliseconds since 1970.
///
/// Two links of the same millisecond are ordered by the ids of their events, which grow.
pub(in crate::store) fn email_at(
    connection: &Connection,
    project: i64,
    visitor: Option<Visitor<&str>>,
    time: u64,
) -> rusqlite::Result<Option<String>> {
    let visitor = match visitor {
        None => return Ok(None),
        Some(Visitor::Email(email)) => return Ok(Some(email.to_owned())),
        Some(Visitor::Id(visitor)) => visitor,
    };
    let mut select = connection.prepare_cached(
        "SELECT COALESCE(
            (SELECT email FROM identity_link WHERE project = ?1 AND visitor = ?2 AND time <= ?3 ORDER BY time DESC, event_id DESC LIMIT 1),
            (SELECT email FROM identity_link WHERE project = ?1 AND visitor = ?2 ORDER BY time, event_id LIMIT 1))",
    )?;
    select.query_row(params![project, visitor, time.cast_signed()], |row| row.get(0))
}

/// Returns the e-mail that the collector had of a visitor when it received the event with the number `seq`: the last one that it had received,
/// or else the first one that it received afterwards. No page can change it later, because pages choose only the times of links.
pub(in crate::store) fn email_on_receipt(
    connection: &Connection,
    project: i64,
    visitor: &str,
    seq: i64,
) -> rusqlite::Result<Option<String>> {
    let mut select = connection.prepare_cached(
        "SELECT COALESCE(
            (SELECT email FROM identity_link WHERE project = ?1 AND visitor = ?2 AND seq <= ?3 ORDER BY seq DESC LIMIT 1),
            (SELECT email FROM identity_link WHERE project = ?1 AND visitor = ?2 ORDER BY seq LIMIT 1))",
    )?;
    select.query_row(params![project, visitor, seq], |row| row.get(0))
}

/// Returns the e-mails of a visitor, in the order of time.
pub(in crate::store) fn links(connection: &Connection, project: i64, visitor: &str) -> rusqlite::Result<Vec<Link>> {
    let query = "SELECT time, email FROM identity_link WHERE project = ?1 AND visitor = ?2 ORDER BY time DESC, event_id DESC LIMIT ?3";
    let link = |row: &Row<'_>| Ok(Link { time: row.get::<_, i64>(0)?.cast_unsigned(), email: row.get(1)? });
    let mut statement = connection.prepare_cached(query)?;
    let mut links = statement.query_map(params![project, visitor, MAX_LINKS], link)?.collect::<rusqlite::Result<Vec<_>>>()?;
    links.reverse();
    Ok(links)
}

/// Returns the e-mail that applies at `time` if a visitor has these links: the latest one by then, or else the first one.
pub(in crate::store) fn email_of_links(links: &[Link], time: u64) -> Option<&str> {
    links.iter().rfind(|link| link.time <= time).or(links.first()).map(|link| link.email.as_str())
}

/// Returns those of a visitor's events that belong to an e-mail; `time` returns the time of an event.
pub(in crate::store) fn of_email<T>(
    connection: &Connection,
    project: i64,
    (visitor, email): (&str, &str),
    mut events: Vec<T>,
    time: impl Fn(&T) -> u64,
) -> rusqlite::Result<Vec<T>> {
    let is_shared = "SELECT EXISTS (SELECT 1 FROM identity_link WHERE project = ?1 AND visitor = ?2 AND email <> ?3)";
    if events.is_empty() || !connection.prepare_cached(is_shared)?.query_row(params![project, visitor, email], |row| row.get(0))? {
        return Ok(events);
    }
    let links = links(connection, project, visitor)?;
    events.retain(|event| email_of_links(&links, time(event)) == Some(email));
    Ok(events)
}

/// Returns the e-mails of a visitor's link, of the one before it and of the one after it.
pub(in crate::store) fn neighbours(
    connection: &Connection,
    project: i64,
    visitor: &str,
    time: u64,
    id: &Uuid,
) -> rusqlite::Result<Vec<String>> {
    let before = "SELECT email FROM identity_link WHERE project = ?1 AND visitor = ?2 AND (time, event_id) < (?3, ?4)
                  ORDER BY time DESC, event_id DESC LIMIT 1";
    let after = "SELECT email FROM identity_link WHERE project = ?1 AND visitor = ?2 AND (time, event_id) >= (?3, ?4)
                 ORDER BY time, event_id LIMIT 2";
    let mut emails = Vec::new();
    for query in [before, after] {
        let mut select = connection.prepare_cached(query)?;
        for email in select.query_map(params![project, visitor, time.cast_signed(), id.as_bytes()], |row| row.get(0))? {
            emails.push(email?);
        }
    }
    Ok(emails)
}

/// Returns the visitors that gave an e-mail, those whose links arrived first before others: pages choose the times of links.
pub(in crate::store) fn visitors(connection: &Connection, project: i64, email: &str) -> rusqlite::Result<Vec<String>> {
    let query = "SELECT visitor FROM identity_link INDEXED BY identity_link_by_email WHERE project = ?1 AND email = ?2
                 GROUP BY visitor ORDER BY min(seq), visitor";
    connection.prepare_cached(query)?.query_map(params![project, email], |row| row.get(0))?.collect()
}

/// Returns the time of the first link to an e-mail, in milliseconds since 1970.
pub(in crate::store) fn first_link_time(connection: &Connection, project: i64, email: &str) -> rusqlite::Result<Option<i64>> {
    let query = "SELECT min(time) FROM identity_link INDEXED BY identity_link_by_email WHERE project = ?1 AND email = ?2";
    connection.prepare_cached(query)?.query_row(params![project, email], |row| row.get(0))
}

/// Stores the link of a newly stored `identify` event.
pub(in crate::store) fn insert_link<'e>(
    connection: &Connection,
    project: i64,
    (seq, id): (i64, &Uuid),
    event: &'e Event,
) -> rusqlite::Result<NewLink<'e>> {
    let Visitor::Id(visitor) = &event.visitor else { return Ok(NewLink::None) };
    let Some(email) = identified_email(event) else { return Ok(NewLink::None) };
    if !has_room(connection, project, visitor, &email)? {
        return Ok(NewLink::Refused);
    }
    // The link of an erased event may still exist.
    let insert = "INSERT INTO identity_link (project, visitor, time, event_id, email, seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                  ON CONFLICT DO NOTHING";
    connection.prepare_cached(insert)?.execute(params![project, visitor, event.time.cast_signed(), id.as_bytes(), email, seq])?;
    Ok(NewLink::Added(visitor))
}

/// Whether a link can be added: a stranger can send links without end, and each makes deriving the person cost more.
fn has_room(connection: &Connection, project: i64, visitor: &str, email: &str) -> rusqlite::Result<bool> {
    let of_visitor = "SELECT count(*), coalesce(max(email = ?3), 0) FROM identity_link WHERE project = ?1 AND visitor = ?2";
    let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?));
    let (count, is_linked) = connection.prepare_cached(of_visitor)?.query_row(params![project, visitor, email], row)?;
    let of_email = "SELECT count(*), count(DISTINCT visitor) FROM identity_link INDEXED BY identity_link_by_email
                    WHERE project = ?1 AND email = ?2";
    let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
    let (links, visitors) = connection.prepare_cached(of_email)?.query_row(params![project, email], row)?;
    Ok(count < MAX_LINKS && links < MAX_LINKS_OF_EMAIL && (is_linked || visitors < MAX_LINKS))
}

/// Deletes all links to an e-mail.
pub(in crate::store) fn delete_links(connection: &Connection, project: i64, email: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM identity_link WHERE project = ?1 AND email = ?2")?.execute(params![project, email]).map(|_| ())
}

fn identified_email(event: &Event) -> Option<String> {
    #[derive(Deserialize)]
    struct Identify {
        email: Option<String>,
    }
    if event.kind != "identify" {
        return None;
    }
    serde_json::from_str::<Identify>(&event.params).ok()?.email
}
