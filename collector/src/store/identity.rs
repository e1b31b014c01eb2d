//! Who a visitor is known as.
//!
//! An `identify` links a visitor's id to an e-mail at the time of the call, in the transaction that stores it. An event of that id belongs
//! to the last person who had identified by the event's own time; what came before anybody did belongs to the first who ever did. So one
//! computer shared by two people does not make them one, and since every link is kept, the order in which events arrive does not matter.

use rusqlite::{Connection, params};
use serde::Deserialize;
use tillroll_protocol::event::{Event, Visitor};
use uuid::Uuid;

use super::shop::Keeper;

/// Returns the e-mail under which somebody is known now who did something at a time.
///
/// Two calls of the same millisecond are told apart by their ids, which grow.
pub(super) fn known_as(connection: &Connection, project: i64, who: Option<Visitor<&str>>, time: u64) -> rusqlite::Result<Option<String>> {
    let visitor = match who {
        None => return Ok(None),
        Some(Visitor::Email(email)) => return Ok(Some(email.to_owned())),
        Some(Visitor::Id(visitor)) => visitor,
    };
    let mut known = connection.prepare_cached(
        "SELECT COALESCE(
            (SELECT email FROM link WHERE project = ?1 AND visitor = ?2 AND time <= ?3 ORDER BY time DESC, event DESC LIMIT 1),
            (SELECT email FROM link WHERE project = ?1 AND visitor = ?2 ORDER BY time, event LIMIT 1))",
    )?;
    known.query_row(params![project, visitor, time.cast_signed()], |row| row.get(0))
}

/// Keeps what a newly stored event says about who its visitor is, if it says anything.
pub(super) fn learn(connection: &Connection, project: i64, key: &Uuid, event: &Event, shop: &mut Keeper<'_>) -> rusqlite::Result<()> {
    let Visitor::Id(visitor) = &event.visitor else { return Ok(()) };
    let Some(email) = email_of(event) else { return Ok(()) };
    // The link of an event that was erased may still be there.
    let link = "INSERT INTO link (project, visitor, time, event, email) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    connection.prepare_cached(link)?.execute(params![project, visitor, event.time.cast_signed(), key.as_bytes(), email])?;
    shop.note_link(project, visitor)
}

fn email_of(event: &Event) -> Option<String> {
    #[derive(Deserialize)]
    struct Identify {
        email: Option<String>,
    }
    if event.kind != "identify" {
        return None;
    }
    serde_json::from_str::<Identify>(&event.params).ok()?.email
}
