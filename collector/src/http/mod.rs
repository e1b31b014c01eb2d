//! The HTTP interface: listener, limits, authentication, middleware, and one file for each group of routes.
//!
//! Layers import downwards only: server → routes → middleware → response, body, cors → context.

pub mod auth;
mod body;
mod context;
pub mod cookie_renewal;
mod cors;
mod error;
pub(crate) mod limits;
mod middleware;
mod request_id;
mod response;
mod routes;
pub mod server;
pub(crate) mod static_files;
mod streaming_body;
