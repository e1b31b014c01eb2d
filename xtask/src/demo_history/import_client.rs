//! An HTTP client for the collector: imports records and queries the metrics API.

use std::io::{IsTerminal, Write};

use anyhow::{Context as _, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// The address of a collector and the credentials of a project.
pub(crate) struct ImportClient {
    address: String,
    basic_auth: String,
}

impl ImportClient {
    pub(crate) fn new(address: &str, token: &str, secret: &str) -> Self {
        let basic_auth = format!("Basic {}", BASE64_STANDARD.encode(format!("{token}:{secret}")));
        Self { address: address.trim_end_matches('/').into(), basic_auth }
    }

    /// Imports records; fails unless the collector accepts every record with all its fields.
    pub(crate) fn import(&self, resource: &str, records: &[Value]) -> Result<()> {
        let body: String = records.iter().map(|record| format!("{record}\n")).collect();
        let response = self.post(&format!("/import/{resource}"), &self.basic_auth, "application/x-ndjson", &body)?;
        if response["accepted"] != json!(records.len()) || response["ignored"] != json!(0) {
            bail!("the collector did not accept all {} {resource} of the demo history: {response}", records.len());
        }
        Ok(())
    }

    /// Returns the result of a stats query that includes everything imported before.
    pub(crate) fn stats(&self, resource: &str, stats: &Value, filter: &Value) -> Result<Value> {
        let grant = json!({"grant_type": "client_credentials"}).to_string();
        let token = self.post("/oauth/token", &self.basic_auth, "application/json", &grant)?;
        let bearer_auth = format!("Bearer {}", token["access_token"].as_str().unwrap_or_default());
        let body = json!({"stats": stats, "filter": filter}).to_string();
        let response = self.post(&format!("/metrics/{resource}/stats?fresh=1"), &bearer_auth, "application/vnd.api+json", &body)?;
        Ok(response["data"]["value"].clone())
    }

    fn post(&self, path: &str, authorization: &str, content_type: &str, body: &str) -> Result<Value> {
        let failed = || format!("request to {path} failed");
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent
            .post(format!("{}{path}", self.address))
            .header("Authorization", authorization)
            .header("Content-Type", content_type)
            .header("Accept", "application/vnd.api.v1+json, application/json")
            .send(body)
            .with_context(failed)?;
        let text = response.body_mut().read_to_string().with_context(failed)?;
        if response.status() != 200 {
            bail!("{}: {}: {text}", failed(), response.status());
        }
        serde_json::from_str(&text).with_context(failed)
    }
}

/// Prints the progress: on a terminal it overwrites one line, else it prints a line for each tenth.
pub(super) fn print_progress(day: i64, days: i64, records: usize) {
    let is_terminal = std::io::stdout().is_terminal();
    let is_complete = day == days;
    if !is_terminal && !is_complete && day * 10 / days == (day - 1) * 10 / days {
        return;
    }
    let (start, end) = if is_terminal { ("\r", if is_complete { "\n" } else { "" }) } else { ("", "\n") };
    print!("{start}  history: {} %, {records} records{end}", day * 100 / days);
    let _ = std::io::stdout().flush();
}
