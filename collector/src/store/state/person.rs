//! A person: an e-mail, or a visitor without one.

use rusqlite::Connection;
use tillroll_protocol::event::Visitor;

use crate::store::identity;

/// The owner of events, carts, orders and returns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Person {
    /// By normalised e-mail.
    Email(String),
    /// By visitor id.
    Visitor(String),
}

impl Person {
    /// Returns the person of an event, or None if a back end sent the event without one.
    pub(super) fn of(visitor: &Visitor) -> Option<Self> {
        match visitor {
            Visitor::Email(email) => Some(Self::Email(email.clone())),
            Visitor::Id(id) if id.is_empty() => None,
            Visitor::Id(id) => Some(Self::Visitor(id.clone())),
        }
    }

    /// Returns the text that stands for the person in a table.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Email(email) => format!("e{email}"),
            Self::Visitor(id) => format!("v{id}"),
        }
    }

    /// Parses the text of [`Person::to_text`].
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let (kind, name) = text.split_at_checked(1)?;
        match kind {
            "e" => Some(Self::Email(name.into())),
            "v" => Some(Self::Visitor(name.into())),
            _ => None,
        }
    }

    /// Returns the person with the e-mail that the visitor has for an event at `time`, in milliseconds since 1970.
    pub(super) fn resolve(self, connection: &Connection, project: i64, time: u64) -> rusqlite::Result<Self> {
        let Self::Visitor(visitor) = &self else { return Ok(self) };
        let email = identity::email_at(connection, project, Some(Visitor::Id(visitor)), time)?;
        Ok(email.map_or(self, Self::Email))
    }

    /// Returns the person with the e-mail that the collector had of the visitor when it received the event with the number `seq`.
    pub(super) fn resolve_on_receipt(self, connection: &Connection, project: i64, seq: i64) -> rusqlite::Result<Self> {
        let Self::Visitor(visitor) = &self else { return Ok(self) };
        let email = identity::email_on_receipt(connection, project, visitor, seq)?;
        Ok(email.map_or(self, Self::Email))
    }
}
