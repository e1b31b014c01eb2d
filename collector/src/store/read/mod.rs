//! Connections that read. They never delay a write.

pub(in crate::store) mod change_feed;
pub(in crate::store) mod pool;
pub(in crate::store) mod read_only;
pub(in crate::store) mod tracked;
