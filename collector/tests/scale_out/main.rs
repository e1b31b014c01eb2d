//! Tests of a group: three NATS servers and several collectors, each a process of its own on this machine.
//!
//! `cargo xtask test --only scale-out` installs the NATS server and a ClickHouse engine, and runs them. The names of their modules begin with
//! `scale_out_`, by which the check selects them and the check of all other tests leaves them out.

mod certificates;
#[path = "../clickhouse/database.rs"]
#[allow(dead_code, reason = "the tests of ClickHouse use the rest of it")]
mod database;
mod group;
mod other_version;
mod scale_out_analytics;
mod scale_out_files;
mod scale_out_forwarding;
mod scale_out_leader;
mod scale_out_limits;
mod scale_out_nodes;
mod scale_out_operators;
mod scale_out_quorum;
mod scale_out_security;
mod scale_out_stops;
mod scale_out_versions;
#[path = "../collector/vendor.rs"]
#[allow(dead_code, reason = "the tests of forwarding use the rest of it")]
mod vendor;
