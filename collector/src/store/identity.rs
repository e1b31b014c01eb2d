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

/// The SQL expression for the e-mail under which the visitor of a row of `event` is known now, or NULL.
///
/// Two calls of the same millisecond are told apart by their ids, which grow.
macro_rules! known_as {
    () => {
        "COALESCE(email,
            (SELECT link.email FROM link
             WHERE link.project = event.project AND link.visitor = event.visitor AND link.time <= event.time
             ORDER BY link.time DESC, link.event DESC LIMIT 1),
            (SELECT link.email FROM link
             WHERE link.project = event.project AND link.visitor = event.visitor
             ORDER BY link.time, link.event LIMIT 1))"
    };
}
pub(super) use known_as;

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
