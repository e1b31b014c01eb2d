//! The change feed: records that changed, and products that changed under records that show them. The projection reads it.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;

use crate::resource::Resource;
use crate::store::error::StoreError;
use crate::store::imports::{self, ChangedRecord};
use crate::store::schema::connect::connect_reader;
use crate::store::state::documents::changes::{self as documents, Change};
use crate::store::state::returns;

/// The time to wait for a lock of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The most products of one resync. An order with several of them is reloaded once.
const MAX_PRODUCTS: usize = 10_000;

/// How many returns are read for one that is wanted.
const RETURNS_PER_MATCH: usize = 10;

/// A page of changes.
pub struct ChangePage {
    /// The records, in the order of their last changes.
    pub records: Vec<ChangedRecord>,
    /// The change number up to which no change is missing.
    pub complete: i64,
}

/// Products with a change that records show.
pub struct ChangedProducts {
    /// Each product and product option by its project and id.
    pub items: Vec<(i64, String)>,
    /// The change number up to which no product is missing.
    pub complete: i64,
}

/// A return's project and key.
pub type ReturnKey = (i64, String);

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

    /// Returns records with a change after `after`, about `limit` of each resource. `head` is the number of a committed change.
    pub fn changes(&mut self, after: i64, head: i64, limit: usize) -> Result<ChangePage, StoreError> {
        self.read(|connection| changes(connection, after, head, limit))
    }

    /// Returns products with a change after `after` and up to `head`.
    pub fn products(&mut self, after: i64, head: i64) -> Result<ChangedProducts, StoreError> {
        let (items, complete) = self.read(|connection| returns::changed_products(connection, after, head, MAX_PRODUCTS))?;
        Ok(ChangedProducts { items, complete })
    }

    /// Returns the orders and carts with these projects and keys, and the returns that show the lines of these orders.
    pub fn reload(&mut self, keys: &[(i64, String)]) -> Result<Vec<ChangedRecord>, StoreError> {
        self.read(|connection| {
            let mut records = Vec::with_capacity(keys.len());
            for (project, key) in keys {
                records.extend(reload(connection, Resource::Orders, *project, key)?);
                records.extend(reload(connection, Resource::Carts, *project, key)?);
                for key in returns::returns_of(connection, *project, key)? {
                    records.extend(reload(connection, Resource::Returns, *project, &key)?);
                }
            }
            Ok(records)
        })
    }

    /// Returns the returns after `after` with lines that name one of these products (sorted), about `limit`; and the last key that was read,
    /// or None at the end.
    pub fn returns(
        &mut self,
        products: &[(i64, String)],
        after: &ReturnKey,
        limit: usize,
    ) -> Result<(Vec<ChangedRecord>, Option<ReturnKey>), StoreError> {
        self.read(|connection| {
            let candidates = returns::returns_with_lines(connection, after, limit * RETURNS_PER_MATCH)?;
            let last = candidates.last().map(|(key, _)| key.clone()).filter(|_| candidates.len() == limit * RETURNS_PER_MATCH);
            let mut records = Vec::new();
            for (key, items) in candidates {
                if items.into_iter().any(|item| products.binary_search(&(key.0, item)).is_ok()) {
                    records.extend(reload(connection, Resource::Returns, key.0, &key.1)?);
                }
            }
            Ok((records, last))
        })
    }
}

fn changes(connection: &Connection, after: i64, head: i64, limit: usize) -> rusqlite::Result<ChangePage> {
    let mut lists = vec![imports::changes(connection, after, limit)?];
    for resource in [Resource::Orders, Resource::Carts, Resource::Returns] {
        let changes = documents::changes(connection, resource, after, limit)?;
        lists.push(changes.into_iter().map(|change| record(resource, change)).collect());
    }
    // A list that reached the limit is complete up to its last change only.
    let cut = lists.iter().filter(|list| list.len() >= limit).filter_map(|list| list.last()).map(|last| last.change).min();
    let complete = cut.map_or(head, |cut| cut.min(head));
    let mut records: Vec<_> = lists.into_iter().flatten().filter(|record| record.change <= complete).collect();
    records.sort_by_key(|record| record.change);
    Ok(ChangePage { records, complete })
}

/// Returns the record of the state with this key, unless an imported record with the same key changed later.
fn reload(connection: &Connection, resource: Resource, project: i64, key: &str) -> rusqlite::Result<Option<ChangedRecord>> {
    let Some(change) = documents::find(connection, resource, project, key)? else { return Ok(None) };
    let is_latest = imports::last_change(connection, project, resource, key)?.is_none_or(|imported| imported < change.number);
    Ok(is_latest.then(|| record(resource, change)))
}

fn record(resource: Resource, change: Change) -> ChangedRecord {
    let json = change.document.map(|document| Value::Object(document).to_string());
    ChangedRecord { project: change.project, resource, key: change.key, change: change.number, json }
}
