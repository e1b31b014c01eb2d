//! Requests to the collector.

use gloo_net::http::Request;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::{tell, with};
use crate::Millis;
use crate::input::{Answer, Input};

/// Posts a batch and tells the tracker how it ended.
pub(super) fn send(request: u32, body: &str) {
    let raw = with(|page| page.host.request(body).ok()).flatten();
    spawn_local(async move {
        let answer = match raw {
            Some(raw) => read(Request::from(raw).send().await.ok().map(Into::into)).await,
            None => Answer::default(),
        };
        tell(Input::Answered(Answer { request, ..answer }));
    });
}

/// Gives up the request that was sent last.
pub(super) fn abort() {
    with(|page| page.host.abort());
}

/// Posts a batch while the page is being left. What the browser does not take stays kept, and the next page sends it.
pub(super) fn beacon(body: &str) {
    with(|page| page.host.beacon(body));
}

/// Reads the whole answer: a body that nobody reads holds on to the browser's quota for requests that outlive their page.
async fn read(response: Option<web_sys::Response>) -> Answer {
    let Some(response) = response else { return Answer::default() };
    let seconds = response.headers().get("retry-after").ok().flatten();
    let retry_after = seconds.and_then(|seconds| seconds.parse::<u32>().ok()).map(|seconds| Millis::from(seconds) * 1_000);
    let status = response.status();
    let body = match response.text() {
        Ok(text) => JsFuture::from(text).await.ok().and_then(|text| text.as_string()),
        Err(_) => None,
    };
    Answer { request: 0, status, retry_after, body: body.unwrap_or_default() }
}
