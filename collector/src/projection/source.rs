//! Where the projection reads changes from. The store implements it; the projection owns the interface.

use crate::Error;
use crate::projection::document::Document;

/// The maximum number of changes of one kind in one batch.
pub const MAX_BATCH: usize = 20_000;

/// A batch of changes, in their order.
pub struct Changes {
    /// The records as they are now.
    pub documents: Vec<Document>,
    /// The number up to which no change is missing.
    pub complete: i64,
}

/// Products whose attributes changed that records show.
#[derive(Default)]
pub struct ChangedProducts {
    /// Each by its project and the id that line items use.
    pub products: Vec<(i64, String)>,
    /// The number up to which no change is missing.
    pub complete: i64,
}

/// The project and key of a return.
pub type ReturnKey = (i64, String);

/// A page of returns, and the key where the next page starts; `None` after the last page.
pub type ReturnPage = (Vec<Document>, Option<ReturnKey>);

/// The store's change feed. `head` is a change number that is known to be stored.
pub trait ChangeSource: Send {
    /// Returns the changes after a number, about [`MAX_BATCH`] records.
    fn changes(&mut self, after: i64, head: i64) -> Result<Changes, Error>;

    /// Returns the products that changed after a number.
    fn changed_products(&mut self, after: i64, head: i64) -> Result<ChangedProducts, Error>;

    /// Returns these orders and carts as they are now, and the returns that show the same line items.
    fn reload(&mut self, keys: &[(i64, String)]) -> Result<Vec<Document>, Error>;

    /// Returns the returns after `after` that contain one of these products themselves, about `limit` of them.
    fn returns_with_products(&mut self, products: &[(i64, String)], after: &ReturnKey, limit: usize) -> Result<ReturnPage, Error>;
}
