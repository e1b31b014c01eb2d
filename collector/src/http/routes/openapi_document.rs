//! `GET /openapi.json`: the description of the HTTP interface.

use std::sync::{Arc, OnceLock};

use axum::http::header;
use axum::response::IntoResponse;
use bytes::Bytes;

use crate::http::openapi;
use crate::http::route_table::{RouteTable, Served};

/// Returns the route of the description of `others` and itself. The document is made when it is first requested.
pub(super) fn routes(others: &[Served]) -> RouteTable {
    let served: Vec<Served> = others.iter().cloned().chain([Served::new("GET", openapi::PATH)]).collect();
    let made = Arc::new(OnceLock::new());
    RouteTable::default().get(openapi::PATH, async move || {
        let text: Bytes = made.get_or_init(|| Bytes::from(openapi::document(&served).to_string())).clone();
        ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], text).into_response()
    })
}
