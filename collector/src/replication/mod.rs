//! A group of collectors that share one log: what any of them accepts is an entry of a stream of NATS JetStream, and each applies all entries
//! to its own store, in the order of the stream.
//!
//! ```text
//! requests -> store::Outbox -> publisher -> JetStream -> follower -> store::Inbox -> the writing thread -> responses
//! ```
//!
//! A request is answered when the quorum of the log has its entry and this node has applied it. Nothing here decides what an entry changes:
//! that is the store's part, without clock and chance.

mod connection;
mod error;
mod file_merge;
mod files;
mod flags;
mod follower;
mod group_key;
mod health;
mod jetstream;
mod lease;
mod membership;
mod node;
mod outage;
mod publisher;
mod shared_value;

pub(crate) use connection::{check_files, check_servers};
pub(crate) use files::STATE_FILE as FILES_STATE;
pub use flags::LogFlags;
pub use group_key::GroupKey;
pub(crate) use lease::Leadership;
pub(crate) use node::Node;
pub(crate) use shared_value::SharedValue;
