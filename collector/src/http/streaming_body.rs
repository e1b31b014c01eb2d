//! A body that is written while it is being sent.
//!
//! The writing task and the connection are joined by a short channel, so that a client that reads slowly costs a few pages of memory and
//! not the whole answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::mpsc;

/// How many pieces may wait for a slow client.
const PIECES: usize = 4;

/// Returns a body and the end at which it is written; the body ends when that is dropped.
pub(crate) fn body() -> (mpsc::Sender<Bytes>, Body) {
    let (sender, pieces) = mpsc::channel(PIECES);
    (sender, Body::from_stream(Feed(pieces)))
}

struct Feed(mpsc::Receiver<Bytes>);

impl Stream for Feed {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|piece| piece.map(Ok))
    }
}
