//! `GET /export/{customers,categories,products,orders,carts,returns}?after=CURSOR&limit=N`: the current state as NDJSON.
//!
//! It is read and sent page by page, in the order of ids. A thing that changes meanwhile comes once, as it was or as it is.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::Error;
use crate::app_state::SharedState;
use crate::http::auth::basic;
use crate::http::routes::export_events::{limit, parameter};
use crate::http::streaming_body;
use crate::store::{List, Place};

/// How many things are read at a time.
const PAGE: usize = 500;

const LISTS: &[(&str, List)] = &[
    ("/export/customers", List::Customers),
    ("/export/categories", List::Categories),
    ("/export/products", List::Products),
    ("/export/orders", List::Orders),
    ("/export/carts", List::Carts),
    ("/export/returns", List::Returns),
];

pub(super) fn routes() -> Router<SharedState> {
    LISTS.iter().fold(Router::new(), |router, &(path, list)| {
        router.route(path, get(move |state, query, headers| export(list, state, query, headers)))
    })
}

struct Reading {
    project: i64,
    list: List,
    after: Place,
    limit: usize,
}

async fn export(
    list: List,
    State(collector): State<SharedState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let project = basic::owner(&collector.projects, &headers)?.id;
    let query = query.unwrap_or_default();
    let after = match parameter(&query, "after") {
        None | Some("") => Place::START,
        Some(text) => Place::read(list, text).ok_or(Error::BadField {
            field: "after",
            wanted: "a cursor of an earlier export of this list",
            found: "another string",
        })?,
    };
    let mut reading = Reading { project, list, after, limit: limit(&query)? };
    // Read before the status is sent, so that a store that cannot be read is told as an error.
    let (first, more) = reading.next(&collector).await?;
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
    if !more {
        return Ok((headers, first).into_response());
    }
    let (sender, body) = streaming_body::body();
    tokio::spawn(async move {
        if let Err(error) = reading.send_all(&collector, first, &sender).await {
            tracing::error!(%error, "an export ended early");
        }
    });
    Ok((headers, body).into_response())
}

impl Reading {
    /// Returns the next lines, and whether more may follow.
    async fn next(&mut self, collector: &SharedState) -> Result<(Bytes, bool), Error> {
        let (lines, count, place) = collector.store.list(self.project, self.list, self.after.clone(), self.limit.min(PAGE)).await?;
        self.limit -= count.min(self.limit);
        let more = place.is_some() && self.limit > 0;
        self.after = place.unwrap_or(Place::START);
        Ok((lines.into(), more))
    }

    async fn send_all(&mut self, collector: &SharedState, first: Bytes, sender: &mpsc::Sender<Bytes>) -> Result<(), Error> {
        let (mut lines, mut more) = (first, true);
        while sender.send(lines).await.is_ok() && more {
            (lines, more) = self.next(collector).await?;
        }
        Ok(())
    }
}
