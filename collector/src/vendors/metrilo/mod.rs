//! Metrilo's HTTP interface: the front-end calls of pages and the backend records of a shop's server.

pub mod calls;
mod lenient;
pub mod records;
