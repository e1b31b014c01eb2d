//! Everything about one person, read from the store: the timeline and the data that the person may ask for.
//!
//! It is read from the log and the state, not from the projection, so it contains what was acknowledged a moment ago. The log has no index by
//! person. A segment that contains no id of the person is skipped without decoding it, so a page of a timeline takes as long as reading the
//! log from memory. What belongs to a person is decided by the same code as for an erasure.

pub(in crate::store) mod data;
pub(in crate::store) mod events;
pub(in crate::store) mod timeline;
pub(in crate::store) mod visits;
