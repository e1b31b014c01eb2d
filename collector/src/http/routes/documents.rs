//! `/docs`: the documents of this version as a site. They are public and contain no data, so they need no credentials.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{Redirect, Response};

use crate::Error;
use crate::app_state::SharedState;
use crate::http::path::PathParam;
use crate::http::response;
use crate::http::route_table::RouteTable;
use crate::static_files::{self, accept_encoding, is_hashed};

/// The build moves all scripts into files. The site aligns the cells of tables by attributes, and its search hides a field by one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> RouteTable {
    // A trailing slash does not count, so the address of the first page must contain its name: its links are relative.
    RouteTable::default().get("/docs", async || Redirect::permanent("/docs/index.html")).get("/docs/{*file}", file)
}

async fn file(State(state): State<SharedState>, PathParam(name): PathParam, headers: HeaderMap) -> Result<Response, Error> {
    let file = state.assets.find(&format!("docs/{name}"), accept_encoding(&headers)).ok_or(Error::NotFound)?;
    let cache_control = if is_hashed(&name) { static_files::IMMUTABLE } else { static_files::NO_CACHE };
    Ok(response::with_page_headers(file.into_response(cache_control, &headers), POLICY, "no-referrer"))
}
