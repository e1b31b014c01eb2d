//! A store that applies the entries of a log which several collectors share.
//!
//! Requests do not go to the writing thread: [`Outbox`] gathers them as the next entry, the caller publishes it, and [`Inbox`] takes all entries
//! of the log, own and others', in their order. The writing thread applies each of them exactly once, with its number in the same transaction.
//! An entry holds everything that clock or chance decided, so all stores that have applied it are equal.

mod entry;
mod inbox;
mod open;
mod outbox;
mod pending;
mod replica_writer;
mod status;
mod wire;

pub use entry::{EntryError, entry_id};
pub use inbox::Inbox;
pub use open::{Replica, leave_log};
pub use outbox::{Failures, Outbox, OutgoingEntry};
pub use status::{Progress, ReplicaStatus};
