//! A group of collectors on this machine: three NATS servers and several collectors, each a process of its own, and senders that do what
//! pages do. The tests of groups and `cargo xtask cluster` start the same.

mod clock;
mod collector;
mod nats;
mod network;
mod ports;
mod process;
pub mod questions;
mod senders;
pub mod small_disk;
mod stored;

pub use clock::{Stopwatch, until, within};
pub use collector::{BatchResult, Collector, Response, metric_in};
pub use nats::{Nats, NatsServer, SERVERS, ServerSettings};
pub use network::{Network, balance};
pub use ports::free_port;
pub use process::Process;
pub use rustix::process::Signal;
pub use senders::{Senders, event, id};
pub use stored::Stored;
