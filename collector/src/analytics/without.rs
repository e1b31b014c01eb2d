//! What stands for the engine in a build without it: everything says that it is missing.

use std::path::Path;

use super::Document;
use crate::Error;
use crate::metrics::print::{Row, Statement};

/// No projection.
pub struct Projection(());

impl Projection {
    /// Says that this build has no engine.
    pub fn open(_: &Path, _: i64) -> Result<Self, Error> {
        Err(Error::NoEngine)
    }

    /// Says that this build has no engine.
    pub fn reopen(&self, _: bool, _: i64) -> Result<i64, Error> {
        Err(Error::NoEngine)
    }

    /// Says that this build has no engine.
    pub fn watermark(&self) -> Result<i64, Error> {
        Err(Error::NoEngine)
    }

    /// Says that this build has no engine.
    pub fn apply(&self, _: &[Document], _: i64) -> Result<(), Error> {
        Err(Error::NoEngine)
    }

    /// Says that this build has no engine.
    pub fn run(&self, _: &[Statement]) -> Result<Vec<Vec<Row>>, Error> {
        Err(Error::NoEngine)
    }
}
