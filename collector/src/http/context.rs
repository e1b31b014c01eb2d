//! Values that travel with a request or a response as extensions, from the layer that has them to the layer that needs them.
//!
//! This file imports none of the layers, so that connections, middleware, routes and responses can all use it.

use std::net::IpAddr;

use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;

/// The IP address of the connection that a request came over. The listener adds it to every request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The error of an error response. Its body is written by the middleware, which has the request id.
#[derive(Clone, Debug)]
pub(crate) struct ErrorDetail {
    /// The machine-readable code, also logged.
    pub(crate) code: &'static str,
    /// The message for people.
    pub(crate) message: String,
    /// The path of the field that caused the error.
    pub(crate) field: Option<String>,
    /// The limit that was exceeded.
    pub(crate) limit: Option<usize>,
    /// JSON that the caller sent as its own `request_id` and gets back beside the error.
    pub(crate) caller_request_id: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Detail<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Detail<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
    request_id: &'a str,
}

impl ErrorDetail {
    /// Returns the JSON body of the error response; `request_id` is the id that the log has too.
    pub(crate) fn to_json(&self, request_id: &str) -> String {
        let caller_request_id = self.caller_request_id.clone().and_then(|id| RawValue::from_string(id).ok());
        let error = Detail { code: self.code, message: &self.message, field: self.field.as_deref(), limit: self.limit, request_id };
        serde_json::to_string(&Body { error, request_id: caller_request_id }).unwrap_or_default()
    }

    /// Returns the error of a response, if it is an error response.
    pub(crate) fn of(response: &Response) -> Option<&Self> {
        response.extensions().get()
    }
}
