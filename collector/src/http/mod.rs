//! The HTTP interface: the socket, the limits, who may ask, and one file for each group of routes.

pub mod auth;
pub mod body;
pub mod cookie_renewal;
pub mod limits;
pub mod middleware;
pub mod response;
mod routes;
pub mod server;
pub mod static_files;
mod streaming_body;

pub use routes::app;
