//! Sends records to a collector's import as their owner would, and asks it about them.

use std::io::{IsTerminal, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::error::Error;

/// A collector's address, and who we are to it.
pub(crate) struct Sender {
    address: String,
    basic: String,
}

impl Sender {
    pub(crate) fn new(address: &str, token: &str, secret: &str) -> Self {
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{token}:{secret}")));
        Self { address: address.trim_end_matches('/').into(), basic }
    }

    /// Imports records; every one must be taken whole.
    pub(crate) fn import(&self, resource: &str, records: &[Value]) -> Result<(), Error> {
        let body: String = records.iter().map(|record| format!("{record}\n")).collect();
        let answer = self.post(&format!("/import/{resource}"), &self.basic, "application/x-ndjson", &body)?;
        if answer["accepted"] == json!(records.len()) && answer["ignored"] == json!(0) {
            return Ok(());
        }
        Err(Error::History(format!("of {} {resource} some were not taken as they are: {answer}", records.len())))
    }

    /// Asks the metrics API for the whole of something, with everything in it that was sent.
    pub(crate) fn total(&self, resource: &str, query: &Value, filter: &Value) -> Result<Value, Error> {
        let grant = json!({"grant_type": "client_credentials"}).to_string();
        let token = self.post("/oauth/token", &self.basic, "application/json", &grant)?;
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap_or_default());
        let body = json!({"stats": query, "filter": filter}).to_string();
        let answer = self.post(&format!("/metrics/{resource}/stats?fresh=1"), &bearer, "application/vnd.api+json", &body)?;
        Ok(answer["data"]["value"].clone())
    }

    fn post(&self, path: &str, authorization: &str, kind: &str, body: &str) -> Result<Value, Error> {
        let failed = |reason: &dyn std::fmt::Display| Error::History(format!("{path}: {reason}"));
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.post(format!("{}{path}", self.address)).header("Authorization", authorization).header("Content-Type", kind);
        let mut response =
            request.header("Accept", "application/vnd.api.v1+json, application/json").send(body).map_err(|error| failed(&error))?;
        let said = response.body_mut().read_to_string().map_err(|error| failed(&error))?;
        if response.status() != 200 {
            return Err(failed(&format!("{}: {said}", response.status())));
        }
        serde_json::from_str(&said).map_err(|error| failed(&error))
    }
}

/// Shows how far it has come: on one line of a terminal, else a line now and then.
pub(super) fn show(sent: usize, total: usize) {
    let is_terminal = std::io::stdout().is_terminal();
    let is_done = sent == total;
    let (before, after) = if is_terminal { ("\r", if is_done { "\n" } else { "" }) } else { ("", "\n") };
    print!("{before}  history: {sent} of {total} records{after}");
    let _ = std::io::stdout().flush();
}
