//! Requests to the collector.

use std::cell::RefCell;

use gloo_net::http::Request;
use js_sys::Reflect;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, RequestInit};

use super::{tell, with};
use crate::Millis;
use crate::input::{Answer, Input};

thread_local! {
    static ABORT: RefCell<Option<(u32, AbortController)>> = const { RefCell::new(None) };
}

/// Posts a batch and tells the tracker how it ended.
pub(super) fn send(request: u32, body: String) {
    let url = url();
    spawn_local(async move {
        let answer = match post(request, &url, &body).await {
            Some(response) => read(response).await,
            None => Answer::default(),
        };
        tell(Input::Answered(Answer { request, ..answer }));
    });
}

/// Gives the request up.
pub(super) fn abort(request: u32) {
    ABORT.with(|slot| {
        if let Some((_, controller)) = slot.take().filter(|(number, _)| *number == request) {
            controller.abort();
        }
    });
}

/// Posts a batch while the page is being left. What the browser does not take stays kept, and the next page sends it.
pub(super) fn beacon(body: &str) {
    let navigator = web_sys::window().map(|window| window.navigator());
    drop(navigator.map(|navigator| navigator.send_beacon_with_opt_str(&url(), Some(body))));
}

async fn post(request: u32, url: &str, body: &str) -> Option<web_sys::Response> {
    let options = RequestInit::new();
    options.set_method("POST");
    options.set_body(&JsValue::from_str(body));
    // Survives the page. web-sys has no setter for it.
    let _ = Reflect::set(&options, &"keepalive".into(), &JsValue::TRUE);
    if let Ok(controller) = AbortController::new() {
        options.set_signal(Some(&controller.signal()));
        ABORT.with(|slot| slot.replace(Some((request, controller))));
    }
    let raw = web_sys::Request::new_with_str_and_init(url, &options).ok()?;
    Request::from(raw).send().await.ok().map(Into::into)
}

/// Reads the whole answer: a body that nobody reads holds on to the browser's quota for requests that outlive their page.
async fn read(response: web_sys::Response) -> Answer {
    let seconds = response.headers().get("retry-after").ok().flatten();
    let retry_after = seconds.and_then(|seconds| seconds.parse::<u32>().ok()).map(|seconds| Millis::from(seconds) * 1_000);
    let status = response.status();
    let body = match response.text() {
        Ok(text) => JsFuture::from(text).await.ok().and_then(|text| text.as_string()),
        Err(_) => None,
    };
    Answer { request: 0, status, retry_after, body: body.unwrap_or_default() }
}

fn url() -> String {
    with(|page| [page.collector.as_str(), "v2/batch"].concat()).unwrap_or_default()
}
