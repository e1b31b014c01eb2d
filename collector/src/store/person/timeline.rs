//! The timeline of a person: events, visits, orders and returns over all devices, newest first.
//!
//! It is ordered by when things happened, while the log is ordered by arrival. So all positions are collected and sorted, and the texts are
//! read page by page. A visit stands where its last event stands, and before that event, so a reader gets the visit before its events.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::events;
use super::visits::{Visit, Visits};
use crate::store::imports;
use crate::store::state::person_records::{self, PersonRecord};
use crate::store::subject::Subject;

/// What an entry is. At the same time, a lower kind stands first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Kind {
    Visit,
    Return,
    Order,
    Event,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Visit => "visit",
            Self::Return => "return",
            Self::Order => "order",
            Self::Event => "event",
        }
    }
}

/// A position in a timeline: after the entry with this time, kind and key. Its text is opaque to clients.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TimelineCursor {
    time: Reverse<u64>,
    kind: Kind,
    /// The number of an event, so that the latest to arrive is the first.
    seq: Reverse<i64>,
    id: String,
}

impl TimelineCursor {
    /// Parses the text of a cursor; returns `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix('t')?).ok()?;
        let (cursor, rest) = postcard::take_from_bytes(&bytes).ok()?;
        rest.is_empty().then_some(cursor)
    }

    fn to_text(&self) -> String {
        let bytes = postcard::to_allocvec(self).unwrap_or_default();
        format!("t{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// An entry of a timeline.
#[derive(Clone, Debug)]
pub struct TimelineEntry {
    position: TimelineCursor,
    /// None for an event, which is read later by its number.
    content: Option<Map<String, Value>>,
}

/// Returns up to `limit` entries of the person after a position, newest first; and whether anything of the person is stored.
pub(in crate::store) fn entries(
    connection: &Connection,
    subject: &Subject,
    before: Option<&TimelineCursor>,
    limit: usize,
) -> rusqlite::Result<(Vec<TimelineEntry>, bool)> {
    let (mut entries, mut visits) = (Vec::new(), Visits::default());
    events::visit(connection, subject, |seq, event| {
        visits.add(seq, event);
        let position = TimelineCursor { time: Reverse(event.time), kind: Kind::Event, seq: Reverse(seq), id: String::new() };
        entries.push(TimelineEntry { position, content: None });
    })?;
    entries.extend(visits.finish().map(of_visit));
    let records = person_records::of(connection, subject, imports::of_customer(connection, subject)?)?;
    let has_records = !records.is_empty();
    let mut add = |kind, records: Vec<PersonRecord>| entries.extend(records.into_iter().map(|record| of_record(kind, record)));
    add(Kind::Order, records.orders);
    add(Kind::Return, records.returns);
    let is_known = !entries.is_empty() || has_records;
    entries.retain(|entry| before.is_none_or(|before| entry.position > *before));
    if limit < entries.len() {
        entries.select_nth_unstable_by(limit, |a, b| a.position.cmp(&b.position));
        entries.truncate(limit);
    }
    entries.sort_unstable_by(|a, b| a.position.cmp(&b.position));
    Ok((entries, is_known))
}

/// Returns the entries as lines of JSON, each with its cursor. An event that was erased meanwhile is left out.
pub(in crate::store) fn lines(connection: &Connection, project: i64, entries: Vec<TimelineEntry>) -> rusqlite::Result<String> {
    let mut seqs: Vec<i64> =
        entries.iter().filter(|entry| entry.content.is_none()).map(|TimelineEntry { position, .. }| position.seq.0).collect();
    seqs.sort_unstable();
    let mut found: HashMap<i64, Value> = events::read(connection, project, &seqs)?.into_iter().collect();
    let mut out = String::new();
    for TimelineEntry { position, content } in entries {
        let Some(content) = content.or_else(|| found.remove(&position.seq.0).map(|event| with_name("event", event))) else { continue };
        let mut line = Map::new();
        line.insert("cursor".into(), position.to_text().into());
        line.insert("kind".into(), position.kind.name().into());
        line.insert("time".into(), position.time.0.into());
        line.extend(content);
        let _ = writeln!(out, "{}", Value::from(line));
    }
    Ok(out)
}

fn of_visit(visit: Visit) -> TimelineEntry {
    let position = TimelineCursor { time: Reverse(visit.ended_at), kind: Kind::Visit, seq: Reverse(0), id: visit.id.clone() };
    let mut content = with_name("visit", json!(visit));
    content.insert("source".into(), visit.source.into());
    content.insert("device".into(), visit.device.into());
    TimelineEntry { position, content: Some(content) }
}

fn of_record(kind: Kind, record: PersonRecord) -> TimelineEntry {
    let position = TimelineCursor { time: Reverse(record.time), kind, seq: Reverse(0), id: record.key };
    TimelineEntry { position, content: Some(with_name(kind.name(), record.json.into())) }
}

fn with_name(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_other_texts_are_refused() {
        for (kind, id) in [(Kind::Event, ""), (Kind::Visit, "s-1"), (Kind::Order, "#1001 ü")] {
            let cursor = TimelineCursor { time: Reverse(1_600_000_000_000), kind, seq: Reverse(7), id: id.into() };
            assert_eq!(TimelineCursor::parse(&cursor.to_text()), Some(cursor));
        }
        for text in ["", "t", "e1", "t!", "tAAAA", "tAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(TimelineCursor::parse(text), None, "{text}");
        }
    }
}
