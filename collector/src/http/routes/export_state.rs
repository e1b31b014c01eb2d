//! `GET /export/{customers,categories,products,orders,carts,returns}?after=CURSOR&limit=N`: the current state as NDJSON.
//!
//! It is read and sent page by page, in the order of ids. A record that changes meanwhile appears once, in its old or its new state.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::Error;
use crate::app_state::SharedState;
use crate::auth::basic;
use crate::http::route_table::RouteTable;
use crate::http::routes::query::{limit, parameter};
use crate::http::streaming_body;
use crate::resource::Resource;
use crate::store::{ListCursor, ListPage};

/// How many records are read at a time.
const PAGE_RECORDS: usize = 500;

const RESOURCES: &[(&str, Resource)] = &[
    ("/export/customers", Resource::Customers),
    ("/export/categories", Resource::Categories),
    ("/export/products", Resource::Products),
    ("/export/orders", Resource::Orders),
    ("/export/carts", Resource::Carts),
    ("/export/returns", Resource::Returns),
];

pub(super) fn routes() -> RouteTable {
    RESOURCES.iter().fold(RouteTable::default(), |routes, &(path, resource)| {
        routes.get(path, move |state, query, headers| export(resource, state, query, headers))
    })
}

struct Export {
    project: i64,
    resource: Resource,
    after: ListCursor,
    limit: usize,
}

async fn export(
    resource: Resource,
    State(state): State<SharedState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let project = basic::owner(&state.projects, &headers)?.id;
    let query = query.unwrap_or_default();
    let after = match parameter(&query, "after").as_deref() {
        None | Some("") => ListCursor::START,
        Some(text) => ListCursor::parse(resource, text).ok_or(Error::BadField {
            field: "after",
            wanted: "a cursor of an earlier export of this list",
            found: "another string",
        })?,
    };
    let mut export = Export { project, resource, after, limit: limit(&query)? };
    // The first page is read before the status is sent, so a read error gets an error response.
    let (first, has_more) = export.next_page(&state).await?;
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
    if !has_more {
        return Ok((headers, first).into_response());
    }
    let (sender, body) = streaming_body::channel();
    tokio::spawn(async move {
        if let Err(error) = export.send_all(&state, first, &sender).await {
            tracing::error!(%error, "export aborted");
        }
    });
    Ok((headers, body).into_response())
}

impl Export {
    /// Returns the lines of the next page, and whether more may follow.
    async fn next_page(&mut self, state: &SharedState) -> Result<(Bytes, bool), Error> {
        let ListPage { lines, count, next } =
            state.store.list(self.project, self.resource, self.after.clone(), self.limit.min(PAGE_RECORDS)).await?;
        self.limit -= count.min(self.limit);
        let has_more = next.is_some() && self.limit > 0;
        self.after = next.unwrap_or(ListCursor::START);
        Ok((lines.into(), has_more))
    }

    async fn send_all(&mut self, state: &SharedState, first: Bytes, sender: &mpsc::Sender<Bytes>) -> Result<(), Error> {
        let (mut lines, mut has_more) = (first, true);
        while sender.send(lines).await.is_ok() && has_more {
            (lines, has_more) = self.next_page(state).await?;
        }
        Ok(())
    }
}
