//! Reads request bodies, up to a size limit and within a timeout.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tillroll_protocol::limits;
use tokio::sync::OwnedSemaphorePermit;

use crate::Error;
use crate::limits::admission::Admission;

/// How many bytes of an oversized body are read and discarded before the 413 response. A client that is still sending would not read it.
const MAX_DRAIN_BYTES: usize = 4 * limits::MAX_REQUEST_BYTES;

/// A whole body. The memory that it counts for is released when this is dropped.
pub(super) struct RequestBody {
    /// The bytes of the body.
    pub(super) bytes: Bytes,
    _memory: Option<OwnedSemaphorePermit>,
}

/// Reads the whole body.
pub(super) async fn read(admission: &Admission, headers: &HeaderMap, body: Body) -> Result<RequestBody, Error> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_DRAIN_BYTES) {
        return Err(Error::BodyTooLarge { limit: limits::MAX_REQUEST_BYTES });
    }
    // A body without Content-Length may become as large as the limit.
    let reserved = announced.map_or(limits::MAX_REQUEST_BYTES, |length| length.min(limits::MAX_REQUEST_BYTES));
    let memory = admission.reserve_memory(reserved)?;
    let timeout = admission.body_timeout;
    let collected = tokio::time::timeout(timeout, collect(body)).await;
    let bytes = collected.unwrap_or(Err(Error::BodyTimeout { seconds: timeout.as_secs() }))?;
    Ok(RequestBody { bytes, _memory: memory })
}

/// Most bodies arrive in one frame, which is returned without a copy.
async fn collect(mut body: Body) -> Result<Bytes, Error> {
    let Some(first) = next(&mut body).await? else { return Ok(Bytes::new()) };
    let Some(second) = next(&mut body).await? else { return check_size(first) };
    let mut whole = BytesMut::from(first);
    whole.extend_from_slice(&second);
    let mut length = whole.len();
    while let Some(data) = next(&mut body).await? {
        length += data.len();
        if length > MAX_DRAIN_BYTES {
            break;
        }
        if length <= limits::MAX_REQUEST_BYTES {
            whole.extend_from_slice(&data);
        }
    }
    if length > limits::MAX_REQUEST_BYTES {
        Err(Error::BodyTooLarge { limit: limits::MAX_REQUEST_BYTES })
    } else {
        check_size(whole.freeze())
    }
}

fn check_size(body: Bytes) -> Result<Bytes, Error> {
    if body.len() > limits::MAX_REQUEST_BYTES { Err(Error::BodyTooLarge { limit: limits::MAX_REQUEST_BYTES }) } else { Ok(body) }
}

/// Returns the next data frame; trailers are skipped.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Error> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| Error::BodyBroken)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}
