//! Cursors: the position after a page of search results, as an opaque string.
//!
//! A cursor contains the date and id of the last record, so it stays valid when records are added or deleted, and after a restart. It is
//! bound to the project, the resource and the sort order that it was made for, and refused for any other.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex;
use crate::metrics::query::{SearchPosition, Sort};

#[derive(Serialize, Deserialize)]
struct CursorJson {
    #[serde(flatten)]
    position: SearchPosition,
    #[serde(rename = "f")]
    fingerprint: String,
}

/// Returns the fingerprint of the project, resource and sort order that a cursor is bound to.
pub fn fingerprint(organization: &str, resource: &str, sort_by: &str, sort: Sort) -> String {
    let digest = Sha256::digest(format!("{organization}\n{resource}\n{sort_by}\n{sort:?}"));
    hex::encode(&digest[..8])
}

/// Returns a position as a cursor.
pub fn encode(position: SearchPosition, fingerprint: String) -> String {
    // Two strings and a number always become JSON.
    BASE64_STANDARD.encode(serde_json::to_vec(&CursorJson { position, fingerprint }).unwrap_or_default())
}

/// Returns the position in a cursor; `None` if it is malformed or has another fingerprint.
pub fn decode(text: &str, fingerprint: &str) -> Option<SearchPosition> {
    let read: CursorJson = serde_json::from_slice(&BASE64_STANDARD.decode(text).ok()?).ok()?;
    (read.fingerprint == fingerprint).then_some(read.position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_is_accepted_only_for_its_own_search() {
        let position = SearchPosition { date: Some(-5), id: "ä\"".into() };
        let bound = fingerprint("o", "orders", "order.placed_at", Sort::Descending);
        let text = encode(position.clone(), bound.clone());
        assert_eq!(decode(&text, &bound), Some(position));
        for other in [
            fingerprint("p", "orders", "order.placed_at", Sort::Descending),
            fingerprint("o", "carts", "order.placed_at", Sort::Descending),
            fingerprint("o", "orders", "order.placed_at", Sort::Ascending),
        ] {
            assert_eq!(decode(&text, &other), None);
        }
        assert_eq!(decode("LS0tCi0gJzIwMjItMDYtMjZUMDY6MD==", &bound), None);
    }
}
