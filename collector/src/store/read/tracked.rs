//! What the projection reads besides records: events, identity links, customers, products, and which events were deleted.

use std::collections::HashSet;

use rusqlite::{Connection, Row, params};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::sources::Client;
use crate::store::identity;
use crate::store::log::codec::{LogEvent, decode_segment};
use crate::store::log::event_reader::head;
use crate::store::log::retention::Watermarks;
use crate::store::position::Position;
use crate::store::state::catalog;
use crate::store::state::export;
use crate::store::state::updater::newest_change;

/// How many bytes of records of one resource, or of texts of events, a page of changes has, about: enough for a full page of compressed documents of 8 KB.
pub(super) const MAX_LIST_BYTES: usize = 32 << 20;
/// The end of a link that no other one follows: the year 2255.
const NEVER: i64 = 9_000_000_000_000;

/// An event of the log.
#[derive(Clone, Debug)]
pub struct TrackedEvent {
    /// The number of the event.
    pub seq: i64,
    /// The project's number in the store.
    pub project: i64,
    /// The event's id.
    pub id: Uuid,
    /// The type.
    pub event_type: String,
    /// The API that was called.
    pub api: String,
    /// The time, in milliseconds since 1970, as is `received_at`.
    pub time: i64,
    /// The time of receipt.
    pub received_at: i64,
    /// The visitor's id.
    pub visitor: Option<String>,
    /// The e-mail, if the event was sent under it.
    pub email: Option<String>,
    /// The session.
    pub session: Option<String>,
    /// The store of the shop.
    pub store: Option<String>,
    /// The address of the page.
    pub url: String,
    /// The address before it.
    pub referrer: String,
    /// The title of the page.
    pub title: String,
    /// The parameters as JSON.
    pub params: String,
    /// Whether a bot sent it.
    pub is_bot: bool,
    /// The device and the country.
    pub client: Client,
}

impl TrackedEvent {
    /// Returns how many bytes the long texts have.
    fn bytes(&self) -> usize {
        self.url.len() + self.referrer.len() + self.title.len() + self.params.len()
    }
}

/// An e-mail that a visitor gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityLink {
    /// The project's number in the store.
    pub project: i64,
    /// The visitor's id.
    pub visitor: String,
    /// The first time at which the e-mail applies, in milliseconds since 1970.
    pub since: i64,
    /// The first time at which it no longer applies.
    pub until: i64,
    /// The e-mail.
    pub email: String,
}

/// The changes after a position.
#[derive(Debug, Default)]
pub struct TrackedChanges {
    /// New events.
    pub events: Vec<TrackedEvent>,
    /// The visitors whose links changed.
    pub linked: Vec<(i64, String)>,
    /// Their links now. If `is_reset`, the links of all visitors.
    pub links: Vec<IdentityLink>,
    /// Customers that changed: the project, the e-mail, and the attributes as they are exported.
    pub customers: Vec<(i64, String, Map<String, Value>)>,
    /// Products that changed and their options: the project, the id, and the name and the categories, among the exported attributes.
    pub products: Vec<(i64, String, Map<String, Value>)>,
    /// The numbers of erased events.
    pub erased: Vec<i64>,
    /// Whether a person was erased or the reader is at the start: `links` and `customer_keys` are complete, and others no longer exist.
    pub is_reset: bool,
    /// The projects and e-mails of all customers, after an erasure.
    pub customer_keys: Vec<(i64, String)>,
    /// Events up to this number have left the log.
    pub trimmed: i64,
}

/// Returns the position of everything that is stored.
pub(in crate::store) fn position(connection: &Connection) -> rusqlite::Result<Position> {
    let trimmed = Watermarks::read(connection)?.trimmed_until;
    Ok(Position { change: newest_change(connection)?, event: head(connection)?.0, trimmed })
}

/// A project, and the id of a visitor or customer in it.
type Key = (i64, String);

/// A row that changed: the number of the change, the project, the id and the attributes.
pub(super) type ChangedRow = (i64, i64, String, Map<String, Value>);

/// A list that changed, and the number up to which it is complete.
pub(super) type Cut<T> = (Vec<T>, i64);

/// Returns about `limit` events after a number, or fewer long ones, and the number up to which none is missing.
pub(super) fn events(connection: &Connection, after: i64, head: i64, limit: usize) -> rusqlite::Result<Cut<TrackedEvent>> {
    let query = "SELECT last_seq, slots, project, body FROM segment WHERE last_seq > ?1 ORDER BY last_seq";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([after])?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let (last_seq, project) = (row.get(0)?, row.get(2)?);
        // A damaged segment must not stop all events after it.
        match decode_segment(row.get_ref(3)?.as_blob()?, last_seq, row.get(1)?) {
            Ok(found) => {
                let found = found.into_iter().filter(|(seq, _)| *seq > after).map(|(seq, event)| tracked(seq, project, &event));
                events.extend(found.inspect(|event| bytes += event.bytes()));
            }
            Err(error) => tracing::error!(%error, last_seq, "a segment of the log is damaged and is missing in the projection"),
        }
        if events.len() >= limit || bytes >= MAX_LIST_BYTES {
            return Ok((events, last_seq));
        }
    }
    let last = events.last().map_or(head, |event| event.seq.max(head));
    Ok((events, last))
}

fn tracked(seq: i64, project: i64, event: &LogEvent<'_>) -> TrackedEvent {
    let text = |text: Option<&str>| text.map(str::to_owned);
    TrackedEvent {
        seq,
        project,
        id: event.id,
        event_type: event.event_type.to_owned(),
        api: event.api.to_owned(),
        time: event.time.cast_signed(),
        received_at: event.received_at.cast_signed(),
        visitor: text(event.sender.visitor),
        email: text(event.sender.email),
        session: text(event.sender.session),
        store: text(event.sender.store),
        url: event.page.url.to_owned(),
        referrer: event.page.referrer.to_owned(),
        title: event.page.title.to_owned(),
        params: event.params.to_owned(),
        is_bot: event.is_bot,
        client: event.client,
    }
}

/// Returns customers, or products with their options, that changed after a change number: that number, the project, the id and the attributes.
/// There may be more than `limit`.
pub(super) fn rows(connection: &Connection, is_customers: bool, after: i64, limit: usize) -> rusqlite::Result<Vec<ChangedRow>> {
    let (columns, table) =
        if is_customers { ("backend_fields, page_fields, first_seen_at", "customer") } else { ("fields, 0, 0", "product") };
    let query = format!(
        "SELECT id, {columns}, change, project FROM {table} INDEXED BY {table}_by_change WHERE change > ?1 ORDER BY change LIMIT ?2"
    );
    let mut statement = connection.prepare_cached(&query)?;
    let read = |row: &Row<'_>| {
        let attributes = if is_customers { export::customer(row)? } else { export::product(row)? };
        Ok((row.get(4)?, row.get(5)?, row.get(0)?, attributes))
    };
    let rows = statement.query_map(params![after, i64::try_from(limit).unwrap_or(i64::MAX)], read)?.collect::<rusqlite::Result<_>>()?;
    if is_customers { Ok(rows) } else { with_options(connection, rows) }
}

/// Returns changed products with a row for each of their options, which has the attributes of the product that the option belongs to. Events
/// may name an option instead of the product. No id occurs twice.
fn with_options(connection: &Connection, products: Vec<ChangedRow>) -> rusqlite::Result<Vec<ChangedRow>> {
    let (mut rows, mut seen) = (Vec::with_capacity(products.len()), HashSet::new());
    for (change, project, id, product) in products {
        let options = product.get("options").and_then(Value::as_array).into_iter().flatten();
        let options: Vec<String> = options.filter_map(|option| Some(option.get("id")?.as_str()?.to_owned())).collect();
        for option in options.into_iter().filter(|option| *option != id) {
            if let Some(attributes) = catalog::displayed_by_events(connection, project, &option)?
                && seen.insert((project, option.clone()))
            {
                rows.push((change, project, option, attributes));
            }
        }
        if seen.insert((project, id.clone())) {
            rows.push((change, project, id, product));
        }
    }
    Ok(rows)
}

/// Returns the change numbers and event numbers of erased events.
pub(super) fn erased(connection: &Connection, after: i64, limit: usize) -> rusqlite::Result<Vec<(i64, i64)>> {
    let mut statement = connection.prepare_cached("SELECT change, seq FROM erased_event WHERE change > ?1 ORDER BY change LIMIT ?2")?;
    statement.query_map(params![after, i64::try_from(limit).unwrap_or(i64::MAX)], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Returns the projects and e-mails of all customers.
pub(super) fn customer_keys(connection: &Connection) -> rusqlite::Result<Vec<(i64, String)>> {
    connection.prepare_cached("SELECT project, id FROM customer")?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Returns the visitors that identified themselves in these events, and their links.
pub(super) fn links_of(connection: &Connection, events: &[TrackedEvent]) -> rusqlite::Result<(Vec<Key>, Vec<IdentityLink>)> {
    let identified = events.iter().filter(|event| event.event_type == "identify");
    let mut visitors: Vec<_> = identified.filter_map(|event| Some((event.project, event.visitor.clone()?))).collect();
    visitors.sort_unstable();
    visitors.dedup();
    let mut links = Vec::new();
    for (project, visitor) in &visitors {
        let of_visitor = identity::links(connection, *project, visitor)?;
        push_links(&mut links, *project, visitor, of_visitor.iter().map(|link| (link.time.cast_signed(), link.email.as_str())));
    }
    Ok((visitors, links))
}

/// Returns the links of all visitors.
pub(super) fn all_links(connection: &Connection) -> rusqlite::Result<Vec<IdentityLink>> {
    let query = "SELECT project, visitor, time, email FROM identity_link ORDER BY project, visitor, time, event_id";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([])?;
    let mut links = Vec::new();
    let mut visitor: (i64, String) = Default::default();
    let mut times: Vec<(i64, String)> = Vec::new();
    while let Some(row) = rows.next()? {
        let next = (row.get(0)?, row.get(1)?);
        if next != visitor {
            push_links(&mut links, visitor.0, &visitor.1, times.iter().map(|(time, email)| (*time, email.as_str())));
            times.clear();
            visitor = next;
        }
        times.push((row.get(2)?, row.get(3)?));
    }
    push_links(&mut links, visitor.0, &visitor.1, times.iter().map(|(time, email)| (*time, email.as_str())));
    Ok(links)
}

/// Adds the links of a visitor, given in the order of time. The first one also applies before its time. Of two of the same millisecond the
/// second one applies.
fn push_links<'a>(links: &mut Vec<IdentityLink>, project: i64, visitor: &str, times: impl Iterator<Item = (i64, &'a str)>) {
    let first = links.len();
    for (time, email) in times {
        let is_first = links.len() == first;
        if let (false, Some(last)) = (is_first, links.last_mut()) {
            last.until = time;
        }
        let since = if is_first { 0 } else { time };
        links.push(IdentityLink { project, visitor: visitor.to_owned(), since, until: NEVER, email: email.to_owned() });
    }
}
