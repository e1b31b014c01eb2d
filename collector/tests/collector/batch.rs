//! The table of batches: the request, the expected response, and the events that the export contains afterwards.
//!
//! Each case has its own project; its token replaces `$token`. `stored` lists the events of the export; a member that a case does not name
//! may have any value.

use serde::Deserialize;
use serde_json::Value;
use tillroll_collector::store::Options;

use crate::server::{TestServer, read_json};

#[derive(Deserialize)]
struct Case {
    title: String,
    request: Value,
    status: u16,
    answer: Value,
    #[serde(default)]
    stored: Vec<Value>,
}

#[test]
fn batch_is_answered_and_stored_as_in_the_table() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("batch.json")).unwrap();
    let projects: String = (0..cases.len()).map(|at| format!("case-{at}:secret,")).collect();
    let server = TestServer::with(&["--project", projects.trim_end_matches(',')], Options::default());
    for (at, case) in cases.iter().enumerate() {
        let token = format!("case-{at}");
        let text = case.request.as_str().map_or_else(|| case.request.to_string(), str::to_owned).replace("$token", &token);
        let mut answer = server.client.post("/v2/batch", &text);
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{}", case.title);
        let status = answer.status();
        let read = read_json(&mut answer);
        assert!(status == case.status && covers(&case.answer, &read), "{}: {status} {read}", case.title);
        let stored = server.client.export_of(&token, "");
        assert!(stored.len() == case.stored.len(), "{}: {stored:?}", case.title);
        for (wanted, found) in case.stored.iter().zip(&stored) {
            assert!(covers(wanted, found), "{}: {found}", case.title);
        }
    }
}

/// Returns whether `found` has every member of `wanted`, with the same value. Lists must have the same length.
pub(crate) fn covers(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(_)) => wanted.iter().all(|(name, value)| covers(value, &found[name])),
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(wanted, found)| covers(wanted, found))
        }
        _ => wanted == found,
    }
}
