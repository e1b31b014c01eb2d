//! `/live`: the page that shows events as they are stored, and its script and style.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::Shared;
use super::owner_page::{send, viewer};
use crate::{Error, assets};

pub(super) async fn page(State(collector): State<Shared>, uri: Uri, headers: HeaderMap) -> Result<Response, Error> {
    viewer(&collector, &uri, &headers)?;
    view(&["index.html", "live.html"], &headers)
}

/// Script and style hold nothing personal and are open.
pub(super) async fn file(Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    view(&[&file], &headers)
}

fn view(names: &[&str], headers: &HeaderMap) -> Result<Response, Error> {
    let file = names.iter().find_map(|name| assets::live_view(name)).ok_or(Error::NotFound)?;
    Ok(send(file, headers))
}
