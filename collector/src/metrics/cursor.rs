//! Where a page of a search ended, as an opaque text.
//!
//! It names the last record by its date and id, so it stays good however many records come and go, and after a restart. It is bound to
//! the project, the resource and the order that it was made for: with another one it is foreign.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::metrics::query::Sort;

/// The last record of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its date, in milliseconds since 1970, if it has one.
    #[serde(rename = "d")]
    pub date: Option<i64>,
    /// Its id.
    #[serde(rename = "i")]
    pub id: String,
}

#[derive(Serialize, Deserialize)]
struct Text {
    #[serde(flatten)]
    place: Place,
    #[serde(rename = "f")]
    fits: String,
}

/// Returns what a cursor is bound to.
pub fn fit(organization: &str, resource: &str, sort_by: &str, sort: Sort) -> String {
    let digest = Sha256::digest(format!("{organization}\n{resource}\n{sort_by}\n{sort:?}"));
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a cursor.
pub fn write(place: Place, fits: String) -> String {
    // Two strings and a number always become JSON.
    BASE64_STANDARD.encode(serde_json::to_vec(&Text { place, fits }).unwrap_or_default())
}

/// Reads a cursor that was made for the same order of the same records.
pub fn read(text: &str, fits: &str) -> Option<Place> {
    let read: Text = serde_json::from_slice(&BASE64_STANDARD.decode(text).ok()?).ok()?;
    (read.fits == fits).then_some(read.place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_where_it_was_made_and_nowhere_else() {
        let place = Place { date: Some(-5), id: "ä\"".into() };
        let fits = fit("o", "orders", "order.placed_at", Sort::Descending);
        let text = write(place.clone(), fits.clone());
        assert_eq!(read(&text, &fits), Some(place));
        for other in [
            fit("p", "orders", "order.placed_at", Sort::Descending),
            fit("o", "carts", "order.placed_at", Sort::Descending),
            fit("o", "orders", "order.placed_at", Sort::Ascending),
        ] {
            assert_eq!(read(&text, &other), None);
        }
        assert_eq!(read("LS0tCi0gJzIwMjItMDYtMjZUMDY6MD==", &fits), None);
    }
}
