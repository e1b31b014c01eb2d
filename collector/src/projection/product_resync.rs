//! Reloads the records that contain changed products, one page at a time.
//!
//! The position moves forward only after a page was applied, so a failed page is read again. A record that changes in between is loaded in
//! its newest state, whether a page reaches it or not.

use crate::Error;
use crate::projection::document::Document;
use crate::projection::engine::AnalyticsEngine;
use crate::projection::source::{ChangeSource, ChangedProducts, ReturnKey};

/// The approximate number of records of a page.
const PAGE_SIZE: usize = 2_000;

/// The position of a re-sync.
enum Position {
    /// Among the returns that contain products themselves.
    Returns(ReturnKey),
    /// Among the orders and carts, by project and key.
    Orders((i64, String)),
}

/// Changed products, and how many of the records that contain them were reloaded.
pub(super) struct ProductResync {
    products: Vec<(i64, String)>,
    /// The change number up to which no product is missing once the re-sync is complete.
    pub(super) complete: i64,
    position: Position,
    next: Option<Position>,
}

impl ProductResync {
    pub(super) fn new(changed: ChangedProducts) -> Self {
        let mut products = changed.products;
        products.sort_unstable();
        products.dedup();
        Self { products, complete: changed.complete, position: Position::Returns((0, String::new())), next: None }
    }

    /// Returns the next page that is not empty; `None` after the last one.
    pub(super) fn next_page(
        &mut self,
        engine: &dyn AnalyticsEngine,
        source: &mut dyn ChangeSource,
    ) -> Result<Option<Vec<Document>>, Error> {
        loop {
            let (page, next) = match &self.position {
                Position::Returns(after) => {
                    let (page, last) = source.returns_with_products(&self.products, after, PAGE_SIZE)?;
                    (page, last.map_or(Position::Orders((0, String::new())), Position::Returns))
                }
                Position::Orders(after) => {
                    let keys = engine.orders_with_products(&self.products, after, PAGE_SIZE)?;
                    let Some(last) = keys.last().cloned() else { return Ok(None) };
                    (source.reload(&keys)?, Position::Orders(last))
                }
            };
            if !page.is_empty() {
                self.next = Some(next);
                return Ok(Some(page));
            }
            self.position = next;
        }
    }

    /// Moves on to the next page, after the last one was applied.
    pub(super) fn advance(&mut self) {
        if let Some(next) = self.next.take() {
            self.position = next;
        }
    }
}
