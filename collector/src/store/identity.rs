//! Links between visitors and e-mails.
//!
//! An `identify` event links a visitor's id to an e-mail from the time of the call, in the transaction that stores the event. Another event
//! of the visitor belongs to the latest e-mail at the event's own time, or to the first e-mail if there was none yet. So two people who share
//! a computer stay two people, and the order in which events arrive does not matter, since all links are stored.

use rusqlite::{Connection, Row, params};
use serde::Deserialize;
use tillroll_protocol::event::{Event, Visitor};
use uuid::Uuid;

/// The most links of a visitor or an e-mail that are read, the newest ones.
const MAX_LINKS: i64 = 256;

/// An e-mail that a visitor gave.
#[derive(Clone, Debug)]
pub(in crate::store) struct Link {
    time: u64,
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

/// Returns the visitors that gave an e-mail, those of the newest links.
pub(in crate::store) fn newest_visitors(connection: &Connection, project: i64, email: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT visitor FROM (SELECT visitor FROM identity_link INDEXED BY identity_link_by_email WHERE project = ?1 AND email = ?2
         ORDER BY time DESC, visitor DESC, event_id DESC LIMIT ?3)",
    )?;
    statement.query_map(params![project, email, MAX_LINKS], |row| row.get(0))?.collect()
}

/// Returns every visitor that ever gave an e-mail.
pub(in crate::store) fn all_visitors(connection: &Connection, project: i64, email: &str) -> rusqlite::Result<Vec<String>> {
    let query = "SELECT DISTINCT visitor FROM identity_link INDEXED BY identity_link_by_email WHERE project = ?1 AND email = ?2";
    connection.prepare_cached(query)?.query_map(params![project, email], |row| row.get(0))?.collect()
}

/// Returns the time of the first link to an e-mail, in milliseconds since 1970.
pub(in crate::store) fn first_link_time(connection: &Connection, project: i64, email: &str) -> rusqlite::Result<Option<i64>> {
    let query = "SELECT min(time) FROM identity_link INDEXED BY identity_link_by_email WHERE project = ?1 AND email = ?2";
    connection.prepare_cached(query)?.query_row(params![project, email], |row| row.get(0))
}

/// Stores the link of a newly stored `identify` event. Returns the visitor, or None if the event links nothing.
pub(in crate::store) fn insert_link<'e>(
    connection: &Connection,
    project: i64,
    id: &Uuid,
    event: &'e Event,
) -> rusqlite::Result<Option<&'e str>> {
    let Visitor::Id(visitor) = &event.visitor else { return Ok(None) };
    let Some(email) = identified_email(event) else { return Ok(None) };
    // The link of an erased event may still exist.
    let insert = "INSERT INTO identity_link (project, visitor, time, event_id, email) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    connection.prepare_cached(insert)?.execute(params![project, visitor, event.time.cast_signed(), id.as_bytes(), email])?;
    Ok(Some(visitor))
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
