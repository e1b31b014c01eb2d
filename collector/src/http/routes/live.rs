//! `/live`: the page that shows events as they are stored, and its script and style.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use crate::Error;
use crate::app_state::SharedState;
use crate::http::routes::protected_page::{send, viewer};
use crate::http::static_files;

pub(super) async fn page(State(collector): State<SharedState>, uri: Uri, headers: HeaderMap) -> Result<Response, Error> {
    viewer(&collector, &uri, &headers)?;
    view(&["index.html", "live.html"], &headers)
}

/// Script and style hold nothing personal and are open.
pub(super) async fn file(Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    view(&[&file], &headers)
}

fn view(names: &[&str], headers: &HeaderMap) -> Result<Response, Error> {
    let file = names.iter().find_map(|name| static_files::live_view(name)).ok_or(Error::NotFound)?;
    Ok(send(file, headers))
}
