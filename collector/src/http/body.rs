//! Reading a request's body, no more than the limit of it and no longer than its time.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use tillroll_protocol::limits;

use crate::Error;
use crate::http::middleware;

/// How much of a body that is too long is read all the same, so that its sender is still listening when the answer comes.
const POLITENESS: usize = 4 * limits::MAX_REQUEST_BYTES;

/// Returns the whole body.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Error> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > POLITENESS) {
        return Err(Error::BodyTooLarge { limit: limits::MAX_REQUEST_BYTES });
    }
    // What is not announced may become as much as is taken at all.
    middleware::make_room(announced.map_or(limits::MAX_REQUEST_BYTES, |length| length.min(limits::MAX_REQUEST_BYTES)))?;
    let patience = middleware::body_timeout();
    let collected = tokio::time::timeout(patience, collect(body.into_data_stream())).await;
    collected.unwrap_or(Err(Error::BodyTooSlow { seconds: patience.as_secs() }))
}

/// Most bodies come in one piece, which is then taken as it is.
async fn collect(mut pieces: BodyDataStream) -> Result<Bytes, Error> {
    let Some(first) = next(&mut pieces).await? else { return Ok(Bytes::new()) };
    let Some(second) = next(&mut pieces).await? else { return within(first) };
    let mut whole = BytesMut::from(first);
    whole.extend_from_slice(&second);
    let mut length = whole.len();
    while let Some(piece) = next(&mut pieces).await? {
        length += piece.len();
        if length > POLITENESS {
            break;
        }
        if length <= limits::MAX_REQUEST_BYTES {
            whole.extend_from_slice(&piece);
        }
    }
    if length > limits::MAX_REQUEST_BYTES { Err(Error::BodyTooLarge { limit: limits::MAX_REQUEST_BYTES }) } else { within(whole.freeze()) }
}

fn within(body: Bytes) -> Result<Bytes, Error> {
    if body.len() > limits::MAX_REQUEST_BYTES { Err(Error::BodyTooLarge { limit: limits::MAX_REQUEST_BYTES }) } else { Ok(body) }
}

async fn next(pieces: &mut BodyDataStream) -> Result<Option<Bytes>, Error> {
    poll_fn(|context| Pin::new(&mut *pieces).poll_next(context)).await.transpose().map_err(|_| Error::BodyBroken)
}
