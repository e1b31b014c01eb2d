//! One round of bringing records again: all that name certain goods, a page at a time.
//!
//! The place is kept between the pages and moves on only after a page was taken over, so a page that failed is brought once more. What
//! changes meanwhile is brought as it is then, whether a page still comes to it or not.

use crate::Error;
use crate::projection::sync::{Goods, Place, Source};
use crate::projection::{Document, Projection};

/// About how many records a page has.
const PAGE: usize = 2_000;

/// Where a round is.
enum At {
    /// Among the returns that name goods themselves.
    Returns(Place),
    /// Among the orders and carts, by project and key.
    Orders(Place),
}

/// Goods that changed, and how far the records that name them were brought again.
pub(super) struct Round {
    items: Vec<(i64, String)>,
    /// The number of a change up to which no goods are missing once the round is over.
    pub(super) complete: i64,
    at: At,
    next: Option<At>,
}

impl Round {
    pub(super) fn new(goods: Goods) -> Self {
        let mut items = goods.items;
        items.sort_unstable();
        items.dedup();
        Self { items, complete: goods.complete, at: At::Returns((0, String::new())), next: None }
    }

    /// Returns the next page; `None` where there is none any more.
    pub(super) fn next(&mut self, projection: &Projection, source: &mut dyn Source) -> Result<Option<Vec<Document>>, Error> {
        loop {
            let (page, next) = match &self.at {
                At::Returns(after) => {
                    let (page, last) = source.returns(&self.items, after, PAGE)?;
                    (page, last.map_or(At::Orders((0, String::new())), At::Returns))
                }
                At::Orders(after) => {
                    let keys = projection.naming(&self.items, after, PAGE)?;
                    let Some(last) = keys.last().cloned() else { return Ok(None) };
                    (source.again(&keys)?, At::Orders(last))
                }
            };
            if !page.is_empty() {
                self.next = Some(next);
                return Ok(Some(page));
            }
            self.at = next;
        }
    }

    /// Moves on behind the page that was taken over.
    pub(super) fn turn(&mut self) {
        if let Some(next) = self.next.take() {
            self.at = next;
        }
    }
}
