//! Where the projection reads changes from. The store implements it; the projection owns the interface.

use crate::projection::document::{Document, ProductKey, RecordKey};
use crate::projection::error::ProjectionError;
pub use crate::store::{IdentityLink, Position, TrackedChanges, TrackedEvent};

/// The maximum number of changed records of one kind in one batch, about.
pub const MAX_RECORDS: usize = 20_000;
/// The maximum number of events in one batch, about. To find the visits and people of a batch costs the same whatever its size, so a large projection
/// takes three times as many events in twice the time.
pub const MAX_EVENTS: usize = 60_000;

/// A batch of changes, in their order.
pub struct Changes {
    /// The records as they are now.
    pub documents: Vec<Document>,
    /// The products with a change that records show, each with the number of that change.
    pub products: Vec<(i64, ProductKey)>,
    /// Events, and what their visits need.
    pub tracked: TrackedChanges,
    /// The position up to which nothing is missing.
    pub complete: Position,
}

/// The store that a projection is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The log that the store shares with others, in which equal positions stand for equal contents; empty if it is alone.
    pub group: String,
    /// Its newest position.
    pub head: Position,
}

/// The store's change feed. `head` is a position that is known to be stored.
pub trait ChangeSource: Send {
    /// Returns what the store is now.
    fn origin(&mut self) -> Result<Origin, ProjectionError>;

    /// Returns the changes after a position, about [`MAX_RECORDS`] records and [`MAX_EVENTS`] events.
    fn changes(&mut self, after: Position, head: Position) -> Result<Changes, ProjectionError>;

    /// Returns these records as they are now, without those that are only imported.
    fn reload(&mut self, keys: &[RecordKey]) -> Result<Vec<Document>, ProjectionError>;
}
