//! A response body that is produced while it is sent.
//!
//! A bounded channel connects the producer and the connection, so a slow client costs a few chunks of memory instead of the whole response.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::mpsc;

/// How many chunks may wait for a slow client.
const MAX_WAITING_CHUNKS: usize = 4;

/// Returns a sender of chunks and the body made of them. The body ends when the sender is dropped.
pub(crate) fn channel() -> (mpsc::Sender<Bytes>, Body) {
    let (sender, chunks) = mpsc::channel(MAX_WAITING_CHUNKS);
    (sender, Body::from_stream(ChunkStream(chunks)))
}

struct ChunkStream(mpsc::Receiver<Bytes>);

impl Stream for ChunkStream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(Ok))
    }
}
