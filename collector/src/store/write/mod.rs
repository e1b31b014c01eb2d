//! Writes: a bounded queue, and one thread that owns the writing connection.

mod backlog;
mod checkpointer;
pub(in crate::store) mod disk_space;
pub(in crate::store) mod health;
pub(in crate::store) mod queue;
pub(in crate::store) mod share;
pub(in crate::store) mod transaction;
pub(in crate::store) mod writer;
