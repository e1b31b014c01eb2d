//! Requests to the collector, one at a time.
//!
//! What waits for an answer is polled here, by hand: one future at most needs no queue of tasks, which would be a tenth of the download.
//! Of gloo-net this takes the reading of answers. Its sending would stop the module where a page's own `fetch` refuses with something that
//! is no `Error`, and its errors weigh more than this file.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use gloo_net::http::Response;
use tillroll_protocol::number;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

use super::{PAGE, Page, tell};
use crate::input::{Answer, Input};

/// What waits for the answer to a request.
pub(super) type Flight = Pin<Box<dyn Future<Output = ()>>>;

impl Page {
    /// Posts a batch and tells the tracker how it ended. What is under way still is given up: nobody waits for its answer any more.
    pub(super) fn send(&self, request: u32, body: &str) {
        self.abort();
        let posted = self.host.post(body).map(JsFuture::from);
        self.flight.set(Some(Box::pin(async move {
            let mut answer = Answer { request, ..Answer::default() };
            if let Some(posted) = posted
                && let Ok(response) = posted.await
            {
                read(response.unchecked_into(), &mut answer).await;
            }
            tell(Input::Answered(&answer));
        })));
        poll();
    }

    /// Gives up the request under way.
    pub(super) fn abort(&self) {
        if self.flight.take().is_some() {
            self.host.abort();
        }
    }
}

/// Reads the whole answer: a body that nobody reads holds on to the browser's quota for requests that outlive their page.
async fn read(raw: web_sys::Response, answer: &mut Answer) {
    let text = raw.text();
    let response = Response::from(raw);
    let seconds = response.headers().get("retry-after").and_then(|seconds| number::integer(&seconds));
    answer.retry_after = seconds.map(|seconds| seconds.wrapping_mul(1_000));
    answer.status = response.status();
    if let Ok(text) = text
        && let Ok(text) = JsFuture::from(text).await
    {
        answer.body = text.as_string().unwrap_or_default();
    }
}

/// Goes on with what waits for an answer, if it can. A promise calls this, and nothing else is going on then.
fn poll() {
    let Some(page) = PAGE.get() else { return };
    let Some(mut flight) = page.flight.take() else { return };
    let waker = Waker::from(Arc::new(Poke));
    if flight.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        page.flight.set(Some(flight));
    }
}

/// What a promise touches when it has come.
struct Poke;

impl Wake for Poke {
    fn wake(self: Arc<Self>) {
        poll();
    }
}
