//! The tables of the store, and the connections to it.
//!
//! A store has the schema version of the build that opens it, or it is not opened at all.

pub(in crate::store) mod connect;
pub(in crate::store) mod migrations;
