//! What the projection follows: records that changed, and goods that changed under records that name them.
//!
//! It reads on a connection of its own. Writing waits for nothing here, and nothing is ever written here.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::{imported, schema, shop};
use crate::Error;
use crate::projection::Document;
use crate::projection::sync::{BATCH, Goods, Part, Place, Source};

/// The most products of one round. An order that names several of them is brought again once.
const GOODS: usize = 10_000;

/// How many returns are looked at for one that is found.
const LOOKED_AT: usize = 10;

/// Reads for the projection.
pub(super) struct Following {
    path: PathBuf,
    kept: Option<Connection>,
}

impl Following {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, kept: None }
    }

    fn read<T>(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let connection = match self.kept.take() {
            Some(connection) => connection,
            None => schema::connect(&self.path, Duration::from_secs(5)).map_err(Error::CannotRead)?,
        };
        let read = work(&connection).map_err(Error::CannotRead)?;
        // One that failed is not kept.
        self.kept = Some(connection);
        Ok(read)
    }
}

impl Source for Following {
    fn changes(&mut self, after: i64, head: i64) -> Result<Part, Error> {
        self.read(|connection| imported::changes(connection, after, head, BATCH))
    }

    fn goods(&mut self, after: i64, head: i64) -> Result<Goods, Error> {
        self.read(|connection| goods(connection, after, head))
    }

    fn again(&mut self, keys: &[(i64, String)]) -> Result<Vec<Document>, Error> {
        self.read(|connection| {
            let mut documents = Vec::with_capacity(keys.len());
            for (project, key) in keys {
                documents.extend(again(connection, shop::Family::Orders, *project, key)?);
                documents.extend(again(connection, shop::Family::Carts, *project, key)?);
                for returned in shop::returns_of(connection, *project, key)? {
                    documents.extend(again(connection, shop::Family::Returns, *project, &returned)?);
                }
            }
            Ok(documents)
        })
    }

    fn returns(&mut self, goods: &[(i64, String)], after: &Place, limit: usize) -> Result<(Vec<Document>, Option<Place>), Error> {
        self.read(|connection| {
            let looked_at = shop::returns_with_lines(connection, after, limit * LOOKED_AT)?;
            let last = looked_at.last().map(|(place, _)| place.clone()).filter(|_| looked_at.len() == limit * LOOKED_AT);
            let mut documents = Vec::new();
            for (place, items) in looked_at {
                if items.into_iter().any(|item| goods.binary_search(&(place.0, item)).is_ok()) {
                    documents.extend(again(connection, shop::Family::Returns, place.0, &place.1)?);
                }
            }
            Ok((documents, last))
        })
    }
}

fn goods(connection: &Connection, after: i64, head: i64) -> rusqlite::Result<Goods> {
    let query =
        "SELECT shown, project, id, told FROM product INDEXED BY product_by_shown WHERE shown > ?1 AND shown <= ?2 ORDER BY shown LIMIT ?3";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(params![after, head, i64::try_from(GOODS).unwrap_or(i64::MAX)])?;
    let (mut items, mut count, mut complete) = (Vec::new(), 0, head);
    while let Some(row) = rows.next()? {
        count += 1;
        if count == GOODS {
            complete = row.get(0)?;
        }
        let project = row.get(1)?;
        items.push((project, row.get(2)?));
        items.extend(shop::options_of(row.get_ref(3)?.as_str()?).into_iter().map(|option| (project, option)));
    }
    Ok(Goods { items, complete })
}

/// Returns the record of the shop's own that has this key as it is now, unless an imported one with its key came later.
fn again(connection: &Connection, family: shop::Family, project: i64, key: &str) -> rusqlite::Result<Option<Document>> {
    let Some(change) = shop::now(connection, family, project, key)? else { return Ok(None) };
    let is_latest = imported::latest(connection, family.into(), project, key)?.is_none_or(|imported| imported < change.number);
    Ok(is_latest.then(|| imported::document(family.into(), change)))
}
