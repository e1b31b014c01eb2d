//! The HTTP interface: listener, middleware, and one file for each group of routes.
//!
//! Layers import downwards only: server → routes → middleware, openapi → response, body, cors, cross_site, route_table → context.

mod body;
mod content_encoding;
mod context;
pub mod cookie_renewal;
mod cors;
mod cross_site;
mod error_response;
mod metrics_error;
mod middleware;
mod openapi;
mod path;
mod request_id;
mod response;
mod route_table;
mod routes;
pub mod server;
mod streaming_body;
