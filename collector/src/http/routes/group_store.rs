//! `GET /group/store`: a copy of the whole store, for a node that joins the group. It exists only with `--log`, and the proof is the key of the
//! group: the secret of a project gives no access to the data of others.
//!
//! The copy is made of one snapshot beside the store, as a backup is, and contains the number of the last entry that is applied. One copy is
//! made at a time.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use subtle::ConstantTimeEq;
use tempfile::TempDir;

use crate::Error;
use crate::app_state::SharedState;
use crate::http::streaming_body;
use crate::replication::Node;
use crate::store::{COPY_PREFIX, FILE, ReadOnlyStore, StoreError};

/// How many bytes are read at a time.
const CHUNK_BYTES: usize = 256 * 1024;

pub(super) async fn copy(State(state): State<SharedState>, headers: HeaderMap) -> Result<Response, Error> {
    let node = state.node.clone().ok_or(Error::NotFound)?;
    authenticate(&node, &headers)?;
    let permit = node.copy_permit().ok_or(Error::QueueFull)?;
    let folder = node.folder().to_owned();
    let made = tokio::task::spawn_blocking(move || make(&folder)).await.map_err(|_| Error::Stopping)?;
    let (folder, mut file, bytes) = made.map_err(|error| {
        tracing::error!(error = format!("{error:#}"), "cannot copy the store for a node that joins");
        Error::CannotStore
    })?;
    let (sender, body) = streaming_body::channel();
    tokio::task::spawn_blocking(move || {
        // The copy is deleted and the next one may begin when this one is sent.
        let _guards = (permit, folder);
        let mut buffer = vec![0; CHUNK_BYTES];
        while let Ok(read) = file.read(&mut buffer) {
            let chunk = Bytes::copy_from_slice(buffer.get(..read).unwrap_or_default());
            if chunk.is_empty() || sender.blocking_send(chunk).is_err() {
                break;
            }
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "application/vnd.sqlite3".to_owned()),
        (header::CONTENT_LENGTH, bytes.to_string()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, body).into_response())
}

fn authenticate(node: &Node, headers: &HeaderMap) -> Result<(), Error> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|text| text.strip_prefix("Bearer "));
    let is_member: bool = given.unwrap_or_default().as_bytes().ct_eq(node.key().join_secret().as_bytes()).into();
    if is_member { Ok(()) } else { Err(Error::Unauthorized) }
}

/// Copies the store into a temporary folder of the data folder, which only the owner can read. The start of a server removes
/// those of a process that was killed.
fn make(data: &Path) -> anyhow::Result<(TempDir, File, u64)> {
    let folder = tempfile::Builder::new().prefix(COPY_PREFIX).tempdir_in(data)?;
    let copy = folder.path().join(FILE);
    let copied = ReadOnlyStore::open(data).and_then(|store| store.copy_to(&copy));
    copied.map_err(|error: StoreError| anyhow::Error::from(error))?;
    let file = File::open(&copy)?;
    let bytes = file.metadata()?.len();
    Ok((folder, file, bytes))
}
