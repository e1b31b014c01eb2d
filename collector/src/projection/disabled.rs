//! What stands for the engine in a build without it: everything says that it is missing.

use std::path::Path;

use crate::Error;
use crate::metrics::sql::{Row, Statement};
use crate::projection::{Document, Watermarks};

/// No projection.
pub struct Projection(());

impl Projection {
    /// Says that this build has no engine.
    pub fn open(_: &Path, _: i64) -> Result<Self, Error> {
        Err(Error::NoEngine)
    }

    /// Says that this build has no engine.
    pub fn reopen(&self, _: bool, _: i64) -> Result<Watermarks, Error> {
        Err(Error::NoEngine)
    }

    /// Says that this build has no engine.
    pub fn marks(&self) -> Result<Watermarks, Error> {
        Err(Error::NoEngine)
    }

    /// Says that this build has no engine.
    pub fn apply(&self, _: &[Document], _: Watermarks) -> Result<(), Error> {
        Err(Error::NoEngine)
    }

    /// Says that this build has no engine.
    pub fn naming(&self, _: &[(i64, String)], _: &(i64, String), _: usize) -> Result<Vec<(i64, String)>, Error> {
        Err(Error::NoEngine)
    }

    /// Says that this build has no engine.
    pub fn run(&self, _: &[Statement]) -> Result<Vec<Vec<Row>>, Error> {
        Err(Error::NoEngine)
    }
}
