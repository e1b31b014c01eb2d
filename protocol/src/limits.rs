//! The limits of requests and events. A page stays below them; the collector enforces them.

/// One KiB; the documents write KB.
pub const KIB: usize = 1024;

/// The largest request body that the collector accepts.
pub const MAX_REQUEST_BYTES: usize = 5 * 1024 * KIB;

/// The greatest number of events in a batch. Pages send fewer: see `src/batcher.rs` of the browser library.
pub const MAX_BATCH_EVENTS: usize = 500;

/// The largest event, as JSON.
pub const MAX_EVENT_BYTES: usize = 64 * KIB;

/// The greatest time of an event, in milliseconds: the greatest integer that every JSON reader represents exactly.
pub const MAX_TIME_MS: u64 = (1 << 53) - 1;

/// The longest visitor id, in characters.
pub const MAX_VISITOR_ID_CHARS: usize = 128;

/// The longest string in an event, in bytes of UTF-8.
pub const MAX_STRING_BYTES: usize = 8 * KIB;

/// The greatest number of tags in a list of tags.
pub const MAX_TAGS: usize = 1_000;

/// The greatest number of lines of a basket or an order.
pub const MAX_LINES: usize = 500;

/// How deep lists and objects may nest in an argument of a call.
pub const MAX_DEPTH: usize = 12;

/// The largest body that a page may send while it unloads.
pub const MAX_UNLOAD_BYTES: usize = 60 * KIB;

/// The greatest amount, whatever its sign: metrics store millionths in 64 bits.
pub const MAX_AMOUNT: f64 = 9.2e12;

/// What an amount must be, in messages.
pub const AMOUNT_RANGE: &str = "a number from -9.2e12 to 9.2e12";
