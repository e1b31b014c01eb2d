//! Which of several collectors fills a database that they share.

use std::sync::Arc;

/// Whether this collector fills the database. It changes while the collector runs.
///
/// A step that began while it was true may end later. The database does not count what such a step writes after another collector has begun.
#[derive(Clone)]
pub struct Turn(Arc<dyn Fn() -> bool + Send + Sync>);

impl Turn {
    /// No other collector fills the database.
    pub fn always() -> Self {
        Self::while_true(|| true)
    }

    /// This collector fills the database while the function returns true.
    pub fn while_true(is_own: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_own))
    }

    /// Returns whether this collector fills the database now.
    pub fn is_own(&self) -> bool {
        (self.0)()
    }
}
