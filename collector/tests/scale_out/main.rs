//! Tests of a group: three NATS servers and several collectors, each a process of its own on this machine.
//!
//! `cargo xtask test --only scale-out` installs the NATS server and runs them. The names of their modules begin with `scale_out_`, by which the
//! check selects them and the check of all other tests leaves them out.

mod group;
mod nats;
mod scale_out_faults;
mod scale_out_leader;
mod scale_out_nodes;
mod senders;
