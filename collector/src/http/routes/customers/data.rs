//! `GET /customers/{email}/data`: everything of a person as one JSON file, which is what an erasure would delete or make anonymous.

use std::fmt::Write;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;

use super::Person;
use crate::Error;
use crate::app_state::SharedState;
use crate::http::streaming_body;

/// How many events are read at a time.
const PAGE_EVENTS: usize = 500;

pub(super) async fn data(State(state): State<SharedState>, Person { project, email }: Person) -> Result<Response, Error> {
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file_name(&email))),
    ];
    let mut data = state.store.person_data(project, email).await?.ok_or(Error::UnknownCustomer)?;
    data.members.insert("exported_at".into(), state.clock.millis().into());
    let mut head = Value::from(data.members).to_string();
    // The lists of events become the last members.
    head.pop();
    let (sender, body) = streaming_body::channel();
    tokio::spawn(async move {
        let lists = [("events", Vec::new(), data.own), ("mentions", data.mentioning_records, data.mentions)];
        if let Err(error) = send_all(&state, project, head, lists, &sender).await {
            tracing::error!(%error, "data of a person aborted");
        }
    });
    Ok((headers, body).into_response())
}

async fn send_all(
    state: &SharedState,
    project: i64,
    head: String,
    lists: [(&'static str, Vec<Value>, Vec<i64>); 2],
    sender: &mpsc::Sender<Bytes>,
) -> Result<(), Error> {
    let mut out = head;
    for (name, records, seqs) in lists {
        let _ = write!(out, ",\n\"{name}\":[");
        let mut separator = "\n";
        let mut add = |out: &mut String, item: &Value| {
            let _ = write!(out, "{separator}{item}");
            separator = ",\n";
        };
        records.iter().for_each(|record| add(&mut out, record));
        for page in seqs.chunks(PAGE_EVENTS) {
            let events = state.store.events_by_number(project, page.to_vec()).await?;
            events.iter().for_each(|event| add(&mut out, event));
            if sender.send(std::mem::take(&mut out).into()).await.is_err() {
                return Ok(());
            }
        }
        out.push(']');
    }
    out.push_str("}\n");
    // A client that closed the connection needs no more.
    let _ = sender.send(out.into()).await;
    Ok(())
}

/// Returns a file name without characters that a header or a file system treats in a special way.
fn file_name(email: &str) -> String {
    let name: String =
        email.chars().map(|letter| if letter.is_ascii_alphanumeric() || "@.-_+".contains(letter) { letter } else { '_' }).collect();
    format!("customer-{name}.json")
}
