//! The limits of the wire, in bytes and counts; a page stays below them and the collector enforces them.

/// One KB as the documents count it.
pub const KIB: usize = 1024;

/// The longest request body that the collector reads.
pub const MAX_REQUEST_BYTES: usize = 5 * 1024 * KIB;

/// The most events that one batch may hold.
pub const MAX_BATCH_EVENTS: usize = 500;

/// The longest text of one event.
pub const MAX_EVENT_BYTES: usize = 64 * KIB;

/// The greatest time of an event, in milliseconds: the greatest integer that every JSON reader represents exactly.
pub const MAX_TIME_MS: u64 = (1 << 53) - 1;

/// The longest visitor id, in characters.
pub const MAX_VISITOR_ID_CHARS: usize = 128;

/// The longest string in an event, in bytes of UTF-8.
pub const MAX_STRING_BYTES: usize = 8 * KIB;

/// How deep lists and objects may nest in what a page passes through.
pub const MAX_DEPTH: usize = 12;

/// The body that a page may send while it is being left.
pub const MAX_UNLOAD_BYTES: usize = 60 * KIB;
