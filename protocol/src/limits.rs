//! The limits of the wire, in bytes and counts; a page stays below them and the collector enforces them.

/// One KB as the documents count it.
pub const KB: usize = 1024;

/// The longest request body that the collector reads.
pub const REQUEST_BYTES: usize = 5 * 1024 * KB;

/// The most events that one batch may hold.
pub const BATCH_EVENTS: usize = 500;

/// The longest text of one event.
pub const EVENT_BYTES: usize = 64 * KB;

/// The longest string in an event, in bytes of UTF-8.
pub const STRING_BYTES: usize = 8 * KB;

/// How deep lists and objects may nest in what a page passes through.
pub const DEPTH: usize = 12;

/// The body that a page may send while it is being left.
pub const UNLOAD_BYTES: usize = 60 * KB;
