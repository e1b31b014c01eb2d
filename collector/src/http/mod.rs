//! The HTTP interface: listener, middleware, and one file for each group of routes.
//!
//! Layers import downwards only: server → routes → middleware → response, body, cors → context.

mod body;
mod context;
pub mod cookie_renewal;
mod cors;
mod error_response;
mod middleware;
mod request_id;
mod response;
mod routes;
pub mod server;
mod streaming_body;
