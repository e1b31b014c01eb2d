//! `POST /import/{orders,returns,carts}`: records as NDJSON, each in the shape in which a search shows it, put in place of earlier ones
//! with the same id.
//!
//! A bad line never costs its neighbours. An order that was not placed yet is a cart and the other way round, whichever address it was
//! sent to.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Shared, body};
use crate::metrics::catalogue::Family;
use crate::metrics::document;
use crate::store::Imported;
use crate::{Error, auth};

/// What became of the lines.
#[derive(Debug, Default, Serialize)]
struct Answer {
    accepted: usize,
    rejected: Vec<Rejected>,
    ignored: usize,
}

/// A line that was not taken.
#[derive(Debug, Serialize)]
struct Rejected {
    line: usize,
    code: &'static str,
    message: String,
}

pub(super) async fn take(
    State(collector): State<Shared>,
    Path(resource): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Error> {
    let (family, is_carts) = match resource.as_str() {
        "orders" => (Family::Orders, false),
        "carts" => (Family::Orders, true),
        "returns" => (Family::Returns, false),
        _ => return Err(Error::NotFound),
    };
    let project = auth::owner(&collector.projects, &headers)?.id;
    let body = body::read(&headers, body).await?;
    let read = tokio::task::spawn_blocking(move || read(family, is_carts, &body));
    let (records, answer) = read.await.map_err(|_| Error::Stopping)?;
    if !records.is_empty() {
        collector.store.import(project, records).await?;
    }
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}

fn read(family: Family, is_carts: bool, body: &[u8]) -> (Vec<Imported>, Answer) {
    let (mut records, mut answer) = (Vec::new(), Answer::default());
    for (line, text) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        match read_line(family, is_carts, text) {
            Ok((record, ignored)) => {
                records.push(record);
                answer.ignored += usize::from(ignored);
            }
            Err((code, message)) => answer.rejected.push(Rejected { line, code, message }),
        }
    }
    answer.accepted = records.len();
    (records, answer)
}

/// Returns the record, and whether something of it was left out.
fn read_line(family: Family, is_carts: bool, text: &[u8]) -> Result<(Imported, bool), (&'static str, String)> {
    let mut value: Value = serde_json::from_slice(text).map_err(|error| ("not_json", error.to_string()))?;
    if let (true, Value::Object(object)) = (is_carts, &mut value) {
        object.entry("status").or_insert(json!("pending"));
    }
    let checked = document::check(family, &value).map_err(|unfit| ("invalid_field", unfit.to_string()))?;
    let json = Value::Object(checked.json).to_string();
    Ok((Imported { family, id: checked.id, json }, checked.ignored > 0))
}
