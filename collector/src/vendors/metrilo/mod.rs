//! Metrilo's HTTP interface: what its front ends ask for, call by call, and what a shop's back end tells, record by record.

pub mod calls;
mod lenient;
pub mod records;
