//! `GET /customers/{email}/tags`: the tags of a person. `POST` and `DELETE` with `{"tags": [...]}` add tags or remove them; the response has
//! the tags that the person has then.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde_json::json;

use super::Person;
use crate::Error;
use crate::app_state::SharedState;
use crate::decode::rejection::RejectReason;
use crate::decode::replace_lone_surrogates;
use crate::http::body::{self, SenderId, UnreadBody};
use crate::http::{cross_site, response};
use crate::ingest;
use crate::store::{RecordBatch, TrustLevel};
use crate::vendors::records::{self, RequestRejection};

pub(super) async fn list(State(state): State<SharedState>, Person { project, email }: Person) -> Result<Response, Error> {
    let tags = state.store.tags(project, email).await?.ok_or(Error::UnknownCustomer)?;
    Ok(response::json(json!({"tags": tags})))
}

pub(super) async fn add(state: State<SharedState>, person: Person, headers: HeaderMap, body: UnreadBody) -> Result<Response, Error> {
    change(state, person, &headers, body, true).await
}

pub(super) async fn remove(state: State<SharedState>, person: Person, headers: HeaderMap, body: UnreadBody) -> Result<Response, Error> {
    change(state, person, &headers, body, false).await
}

async fn change(
    State(state): State<SharedState>,
    Person { project, email }: Person,
    headers: &HeaderMap,
    body: UnreadBody,
    is_added: bool,
) -> Result<Response, Error> {
    // A form of another site can send any other type without asking this server first.
    if cross_site::is_of_browser(headers) && !is_json(headers) {
        return Err(Error::UnsupportedType);
    }
    let body = body::read(&state, headers, body, SenderId::Head).await?;
    let (person, bytes) = (email.clone(), body.bytes.clone());
    let record = ingest::offload_if_large(&state, body.client, bytes.len(), move |_, _| {
        records::parse_tags(&person, &replace_lone_surrogates(bytes), is_added).map_err(|rejection| match rejection {
            RequestRejection::Body(error) => error.into(),
            RequestRejection::Reason(reason) => Error::Rejected(reason),
        })
    });
    let record = record.await?;
    state.store.tags(project, email.clone()).await?.ok_or(Error::UnknownCustomer)?;
    let batch = RecordBatch { project, time: state.clock.millis(), trust: TrustLevel::Owner, records: vec![record] };
    if !state.store.apply_records(batch).await?.is_empty() {
        return Err(Error::Rejected(RejectReason::TOO_MANY_TAGS));
    }
    let tags = state.store.tags(project, email).await?.ok_or(Error::UnknownCustomer)?;
    Ok(response::json(json!({"tags": tags})))
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()?.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}
