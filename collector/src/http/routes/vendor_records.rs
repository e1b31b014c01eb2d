//! The back-end endpoints of vendors: customers, categories, products and orders, signed with the project's secret.
//!
//! Vendors' plug-ins accept only status 200 as success, and some delete their stored keys after any other status.

use std::ops::Range;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use tillroll_protocol::batch_response::BatchResponse;
use tillroll_protocol::limits;
use tillroll_protocol::receipt::Receipt;

use crate::app_state::SharedState;
use crate::cancellation::Cancellation;
use crate::decode;
use crate::decode::rejection::RejectedEvent;
use crate::http::body::{self, SenderId, UnreadBody};
use crate::http::response;
use crate::http::route_table::RouteTable;
use crate::ingest;
use crate::projects::Project;
use crate::store::{BackendRecord, TrustLevel};
use crate::vendors::Envelope;
use crate::vendors::records::{self, ENDPOINTS, Endpoint, RequestRecords, RequestRejection};
use crate::{AppState, Error};

pub(super) fn routes() -> RouteTable {
    let paths = ENDPOINTS.iter().flat_map(|endpoint| ["", "/v2"].map(|version| (format!("{version}{}", endpoint.path), endpoint)));
    let routes = paths.fold(RouteTable::default(), |routes, (path, endpoint)| {
        routes.post(&path, move |state, headers, body| store_records(endpoint, state, headers, body))
    });
    routes.post("/tracking/{token}/activity", activity).post("/v2/tracking/{token}/activity", activity)
}

async fn store_records(
    endpoint: &'static Endpoint,
    State(state): State<SharedState>,
    headers: HeaderMap,
    body: UnreadBody,
) -> Result<Response, Error> {
    let body = body::read(&state, &headers, body, SenderId::JsonToken).await?;
    let (bytes, signed, digest) = (body.bytes.clone(), body.signed.clone(), digest(&headers));
    let trust = if digest.is_some() { TrustLevel::Owner } else { TrustLevel::Unsigned };
    let request = ingest::offload_if_large(&state, body.client, bytes.len(), move |state, _| {
        let signature = digest.map(|digest| Signature { signed: &signed, digest });
        parse_request(state, endpoint, bytes, signature.as_ref())
    });
    let Request { text, project, time, records } = request.await?;
    let mut response = BatchResponse::default();
    let mut store = async |records, has_many| ingest::records(&state, (project.id, time, trust), records, has_many, &mut response).await;
    match records {
        Records::One(record) => store(vec![record], false).await?,
        Records::Many(places) => {
            let (mut first, mut places) = (0, places.as_slice());
            while !places.is_empty() {
                let (part, rest) = split_part(places);
                let (part, text, project) = (part.to_vec(), text.clone(), Arc::clone(&project));
                let bytes = part.iter().map(std::ops::Range::len).sum();
                let count = part.len();
                let parsed = ingest::offload_if_large(&state, body.client, bytes, move |state, cancellation| {
                    let receipt = receipt(state, &project);
                    Ok(parse_part(endpoint, &text, (first, &part), time, &receipt, cancellation))
                });
                store(parsed.await?, true).await?;
                (first, places) = (first + count, rest);
            }
        }
    }
    Ok(response::json(response))
}

/// How many records of a batch, and how many bytes of them, are parsed and stored at a time, so that the memory for parsed records does not
/// grow with the body.
const PART_RECORDS: usize = 1_000;
const PART_BYTES: usize = 256 * limits::KIB;

/// A request whose sender is proved.
struct Request {
    text: Bytes,
    project: Arc<Project>,
    time: u64,
    records: Records,
}

enum Records {
    One(Result<BackendRecord, RejectedEvent>),
    /// Where each record of a batch lies in the text.
    Many(Vec<Range<usize>>),
}

/// Splits off the next part of a batch: at least one record.
fn split_part(places: &[Range<usize>]) -> (&[Range<usize>], &[Range<usize>]) {
    let mut bytes = 0;
    let fits = |place: &&Range<usize>| {
        bytes += place.len();
        bytes <= PART_BYTES
    };
    let count = places.iter().take(PART_RECORDS).take_while(fits).count().max(1);
    places.split_at(count.min(places.len()))
}

/// Parses records of a batch, of which the first has this number. After a cancellation some are missing.
fn parse_part(
    endpoint: &Endpoint,
    text: &[u8],
    (first, places): (usize, &[Range<usize>]),
    time: u64,
    receipt: &Receipt<'_>,
    cancellation: &Cancellation,
) -> Vec<Result<BackendRecord, RejectedEvent>> {
    let texts = places.iter().map(|place| text.get(place.clone()).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default());
    let records = (first..).zip(texts).take_while(|_| !cancellation.is_cancelled());
    records.map(|(number, json)| endpoint.parse_one_of_many(number, json, time, receipt)).collect()
}

/// The header `X-Digest`, and the bytes that it covers.
struct Signature<'a> {
    signed: &'a [u8],
    digest: String,
}

impl Signature<'_> {
    fn is_of(&self, project: &Project) -> bool {
        project.verifies(|secret| records::is_signed(self.signed, secret, &self.digest))
    }
}

/// Parses a request. The error of a wrong digest reveals nothing about the body.
fn parse_request(state: &AppState, endpoint: &Endpoint, body: Bytes, signature: Option<&Signature<'_>>) -> Result<Request, Error> {
    let text = decode::replace_lone_surrogates(body);
    let envelope = Envelope::parse(&text)?;
    let project = ingest::find_project(state, &envelope.token)?;
    match signature {
        Some(signature) if !signature.is_of(&project) => return Err(Error::WrongDigest),
        None if endpoint.requires_digest => return Err(Error::MissingDigest),
        _ => {}
    }
    let receipt = receipt(state, &project);
    let (time, records) = endpoint.parse(&envelope, &receipt).map_err(|rejection| match rejection {
        RequestRejection::Body(error) => error.into(),
        RequestRejection::Reason(reason) => ingest::reject(state, project.id, RejectedEvent::unnamed(reason)),
    })?;
    let place = |record: &str| {
        let start = record.as_ptr().addr() - text.as_ptr().addr();
        start..start + record.len()
    };
    let records = match records {
        RequestRecords::One(record) => Records::One(record),
        RequestRecords::Many(records) => Records::Many(records.into_iter().map(place).collect()),
    };
    drop(envelope);
    Ok(Request { project, time, records, text })
}

fn receipt<'a>(state: &'a AppState, project: &Project) -> Receipt<'a> {
    Receipt::of_server(state.clock.millis()).with_currency(state.currency(&project.credentials.token))
}

/// A plug-in reports that it was installed. The response only confirms that its keys are right.
async fn activity(
    State(state): State<SharedState>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: UnreadBody,
) -> Result<Response, Error> {
    let project = token.ok().and_then(|Path(token)| state.projects.find(&token)).ok_or(Error::UnknownToken)?;
    let body = body::read(&state, &headers, body, SenderId::Head).await?;
    let digest = digest(&headers).ok_or(Error::MissingDigest)?;
    let (signed, bytes) = (body.signed.clone(), body.bytes.clone());
    let check = ingest::offload_if_large(&state, body.client, bytes.len(), move |_, _| {
        if !(Signature { signed: &signed, digest }).is_of(&project) {
            return Err(Error::WrongDigest);
        }
        Ok(records::check_activity(&decode::replace_lone_surrogates(bytes))?)
    });
    check.await?;
    Ok(response::json(BatchResponse::default()))
}

/// Returns `X-Digest`. A digest that is not text counts as a wrong one, not as a missing one.
fn digest(headers: &HeaderMap) -> Option<String> {
    headers.get("x-digest").map(|digest| digest.to_str().unwrap_or_default().to_owned())
}
