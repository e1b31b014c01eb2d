//! The event log: events of a project in the order in which they were stored, each event id once.

pub(in crate::store) mod append;
pub(in crate::store) mod attributes;
pub(in crate::store) mod batch;
pub(in crate::store) mod codec;
pub(in crate::store) mod cursor;
pub(in crate::store) mod event_ids;
pub(in crate::store) mod event_reader;
mod frame_parts;
pub(in crate::store) mod retention;
pub(in crate::store) mod segment_writer;
