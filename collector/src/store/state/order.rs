//! An order as the state has it: the fields, the times of its statuses, and the earliest report.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::Value;

use super::lww::{LwwField, LwwMap};
use super::person::Person;
use crate::resource::OrderSource;
use crate::store::trust::{OWNER_RANK, PAGE_RANK};

/// The status of an order without one.
pub(super) const PLACED: &str = "placed";

/// The status of a cancelled order.
pub(super) const CANCELLED: &str = "cancelled";

/// Returns whether this status, in lower case, is that of a cancelled order. Some shop systems spell it with one l.
pub(super) fn is_cancelled(status: &str) -> bool {
    matches!(status, CANCELLED | "canceled")
}

/// The field with the name of the [`OrderSource`].
pub(super) const SOURCE: &str = "source";

/// The person whose reports of an order count.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reporter {
    /// Of the report that counts first.
    pub(super) person: Person,
    /// Who this person was at the time of their earliest report.
    pub(super) known_as: Person,
}

impl Reporter {
    /// Returns whether it is this person, who at the time of what they sent was `known_as`.
    pub(super) fn is(&self, person: &Person, known_as: &Person) -> bool {
        self.person == *person || self.known_as == *known_as
    }
}

/// A row of the table of orders.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Order {
    pub(super) fields: LwwMap,
    /// The earliest time of each status, in milliseconds since 1970; 0 for the one before a cancellation.
    pub(super) status_times: BTreeMap<String, u64>,
    /// The time of the earliest report, and its person in the form of [`Person::to_text`].
    pub(super) report: Option<(u64, String)>,
    /// The number of the first event of a sender with a secret that named the person of the report.
    pub(super) reported_seq: Option<i64>,
    /// The person whose reports count of an order that only pages reported. Not in the row: the reports have it.
    pub(super) reporter: Option<Reporter>,
    /// Whether the owner imported an order with the id after the last write of a sender with a secret.
    pub(super) is_replaced: bool,
}

impl Order {
    pub(super) fn set_status(&mut self, rank: u8, time: u64, status: &str) {
        self.fields.set("status", rank, time, status.into());
        let earliest = self.status_times.entry(status.to_lowercase()).or_insert(time);
        *earliest = time.min(*earliest);
    }

    /// Cancels the order. It was placed before, whatever statuses it has, so the cancellation counts from its own time.
    pub(super) fn cancel(&mut self, rank: u8, time: u64) {
        self.set_status(rank, time, CANCELLED);
        self.status_times.insert(PLACED.to_owned(), 0);
    }

    /// Records a report without a person, whose time stands for the one from the back end: the order was placed when it was first reported.
    pub(super) fn reported_by_no_person(&mut self, time: u64) {
        match self.fields.0.get("createdAt") {
            Some(LwwField(rank, earlier, _)) if *rank > PAGE_RANK || *earlier <= time => {}
            _ => drop(self.fields.0.insert("createdAt".into(), LwwField(PAGE_RANK, time, time.into()))),
        }
    }

    /// Records a report of a sender with a secret, by the event with the number `seq`. The earliest one counts.
    pub(super) fn reported_by(&mut self, person: &Person, time: u64, seq: i64) {
        let report = (time, person.to_text());
        (self.report, self.reported_seq) = match self.report.take() {
            Some(earlier) if earlier.1 == report.1 => (Some(earlier.min(report)), self.reported_seq),
            Some(earlier) if earlier < report => (Some(earlier), self.reported_seq),
            _ => (Some(report), Some(seq)),
        };
    }

    pub(super) fn email(&self) -> Option<&str> {
        self.fields.text("email")
    }

    /// Returns whether a sender with a secret reported the order.
    pub(super) fn is_signed(&self) -> bool {
        self.fields.0.values().any(|LwwField(rank, ..)| *rank == OWNER_RANK)
    }

    /// Returns the name of the source of the order.
    pub(super) fn source(&self) -> &str {
        let unnamed = if self.is_signed() { OrderSource::Headless } else { OrderSource::Page };
        self.fields.text(SOURCE).unwrap_or(unnamed.name())
    }

    /// Returns the customer: the e-mail from a sender with a secret, or else the reporter.
    pub(super) fn customer(&self, connection: &Connection, project: i64) -> rusqlite::Result<Option<Person>> {
        if let Some(email) = self.email() {
            return Ok(Some(Person::Email(email.to_owned())));
        }
        self.known_reporter(connection, project)
    }

    /// Returns the person of the report. A visitor that a sender with a secret named is who the collector took it for at the receipt, so that
    /// no page assigns the order to another person later.
    pub(super) fn known_reporter(&self, connection: &Connection, project: i64) -> rusqlite::Result<Option<Person>> {
        let report = self.report.as_ref().and_then(|(time, person)| Some((*time, Person::from_text(person)?)));
        let Some((time, person)) = report else { return Ok(None) };
        Ok(Some(match self.reported_seq {
            Some(seq) => person.resolve_on_receipt(connection, project, seq)?,
            None => person.resolve(connection, project, time)?,
        }))
    }

    /// Returns when the order was placed, in milliseconds since 1970: the time from the back end, or else the time of the report.
    pub(super) fn created_at(&self) -> Option<u64> {
        let created_at = self.fields.get("createdAt").and_then(Value::as_u64);
        created_at.or(self.report.as_ref().map(|(time, _)| *time))
    }
}
