//! The change feed: records and products that changed. The projection reads it.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;

use crate::packed::JsonText;
use crate::resource::Resource;
use crate::store::applied;
use crate::store::error::StoreError;
use crate::store::imports::{self, ChangedRecord};
use crate::store::position::Position;
use crate::store::read::tracked::{self, MAX_LIST_BYTES, TrackedChanges};
use crate::store::schema::connect::connect_reader;
use crate::store::state::catalog;
use crate::store::state::documents::changes::{self as documents, Change};

/// The time to wait for a lock of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many changes a page has, about.
#[derive(Clone, Copy, Debug)]
pub struct PageLimits {
    /// Of each kind of records.
    pub records: usize,
    /// Events.
    pub events: usize,
}

/// A page of changes.
pub struct ChangePage {
    /// The records, in the order of their last changes.
    pub records: Vec<ChangedRecord>,
    /// The products and product options with a change that records show: the number of the change, the project and the id.
    pub products: Vec<(i64, (i64, String))>,
    /// Events, and what their visits need.
    pub tracked: TrackedChanges,
    /// The position up to which nothing is missing.
    pub complete: Position,
}

/// Reads changes on a connection of its own.
pub struct ChangeFeed {
    path: PathBuf,
    connection: Option<Connection>,
}

impl ChangeFeed {
    pub(in crate::store) fn new(path: PathBuf) -> Self {
        Self { path, connection: None }
    }

    fn read<T>(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect_reader(&self.path, BUSY_TIMEOUT).map_err(StoreError::Read)?,
        };
        let result = work(&connection).map_err(StoreError::Read)?;
        // A connection with an error is closed instead.
        self.connection = Some(connection);
        Ok(result)
    }

    /// Returns the log that the store follows, or None if it follows none, and the position of everything that is stored.
    pub fn origin(&mut self) -> Result<(Option<String>, Position), StoreError> {
        self.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            Ok((applied::membership(&transaction)?.map(|membership| membership.group), tracked::position(&transaction)?))
        })
    }

    /// Returns what changed after `after`. `head` is a committed position.
    pub fn changes(&mut self, after: Position, head: Position, limits: PageLimits) -> Result<ChangePage, StoreError> {
        self.read(|connection| {
            // One snapshot: an event that is erased meanwhile is either read or reported as erased by a later page.
            let transaction = connection.unchecked_transaction()?;
            changes(&transaction, after, head, limits)
        })
    }

    /// Returns the record of the state with this key, or the imported order that stands for it.
    pub fn reload(&mut self, resource: Resource, project: i64, key: &str) -> Result<Option<ChangedRecord>, StoreError> {
        self.read(|connection| Ok(documents::find(connection, resource, project, key)?.map(|change| record(resource, change))))
    }
}

fn changes(connection: &Connection, after: Position, head: Position, limits: PageLimits) -> rusqlite::Result<ChangePage> {
    let limit = limits.records;
    let mut lists = vec![List::new(limit)];
    imports::each_change(connection, after.change, |record| lists[0].take(record))?;
    for resource in [Resource::Orders, Resource::Carts, Resource::Returns] {
        let mut list = List::new(limit);
        documents::each_change(connection, resource, after.change, |change| list.take(record(resource, change)))?;
        lists.push(list);
    }
    let mut products = catalog::changed_products(connection, after.change, limit)?;
    let mut customers = tracked::rows(connection, true, after.change, limit)?;
    let mut product_rows = tracked::rows(connection, false, after.change, limit)?;
    let mut erased = tracked::erased(connection, after.change, limit)?;
    // A list that reached the limit is complete up to its last change only.
    let cut = |length: usize, last: Option<i64>| last.filter(|_| length >= limit);
    let cuts = lists.iter().filter(|list| list.is_cut).filter_map(|list| list.records.last()).map(|last| last.change);
    let cuts = cuts.chain(cut(products.len(), products.last().map(|last| last.0)));
    let cuts = cuts.chain(cut(customers.len(), customers.last().map(|last| last.0)));
    let cuts = cuts.chain(cut(product_rows.len(), product_rows.last().map(|last| last.0)));
    let cuts = cuts.chain(cut(erased.len(), erased.last().map(|last| last.0)));
    let change = cuts.fold(head.change, i64::min);
    let mut records: Vec<_> = lists.into_iter().flat_map(|list| list.records).filter(|record| record.change <= change).collect();
    records.sort_by_key(|record| record.change);
    products.retain(|last| last.0 <= change);
    customers.retain(|last| last.0 <= change);
    product_rows.retain(|last| last.0 <= change);
    erased.retain(|last| last.0 <= change);
    let (tracked, event) = tracked(connection, after, head, limits.events, &erased)?;
    let without_change = |rows: Vec<tracked::ChangedRow>| rows.into_iter().map(|(_, project, id, fields)| (project, id, fields)).collect();
    let tracked = TrackedChanges { customers: without_change(customers), products: without_change(product_rows), ..tracked };
    let complete = Position { change, event, trimmed: tracked.trimmed };
    Ok(ChangePage { records, products, tracked, complete })
}

/// Returns events with their links, and the number of the event up to which none is missing.
fn tracked(
    connection: &Connection,
    after: Position,
    head: Position,
    limit: usize,
    erased: &[(i64, i64)],
) -> rusqlite::Result<(TrackedChanges, i64)> {
    let (events, complete) = tracked::events(connection, after.event, head.event, limit)?;
    let is_reset = !erased.is_empty() || after == Position::default();
    let (linked, links) = if is_reset { (Vec::new(), tracked::all_links(connection)?) } else { tracked::links_of(connection, &events)? };
    let customer_keys = if erased.is_empty() { Vec::new() } else { tracked::customer_keys(connection)? };
    let erased = erased.iter().map(|(_, seq)| *seq).filter(|seq| *seq > 0).collect();
    let trimmed = tracked::position(connection)?.trimmed;
    Ok((TrackedChanges { events, linked, links, erased, is_reset, customer_keys, trimmed, ..TrackedChanges::default() }, complete))
}

/// The changed records of one resource.
struct List {
    records: Vec<ChangedRecord>,
    bytes: usize,
    limit: usize,
    is_cut: bool,
}

impl List {
    fn new(limit: usize) -> Self {
        Self { records: Vec::new(), bytes: 0, limit, is_cut: false }
    }

    /// Takes a record; returns false, and does not take it, if the list is full. Records with the same change number stay together.
    fn take(&mut self, record: ChangedRecord) -> bool {
        let is_full = self.records.len() >= self.limit || self.bytes >= MAX_LIST_BYTES;
        self.is_cut = is_full && self.records.last().is_some_and(|last| last.change < record.change);
        if !self.is_cut {
            self.bytes += record.json.as_ref().map_or(0, JsonText::bytes);
            self.records.push(record);
        }
        !self.is_cut
    }
}

fn record(resource: Resource, change: Change) -> ChangedRecord {
    let json = change.document.map(|document| JsonText::Plain(Value::Object(document).to_string()));
    ChangedRecord { project: change.project, resource, key: change.key, change: change.number, json }
}
