//! `/customers/{email}/…`: what the owner of a project reads and changes of one person.
//!
//! All of it is read from the store, so the answers contain what was acknowledged a moment ago.

mod data;
mod erasure;
mod tags;
mod timeline;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::Error;
use crate::app_state::SharedState;
use crate::http::route_table::RouteTable;
use crate::http::routes::protected_pages::{self, authorize};
use crate::vendors::records::email_of;

pub(super) fn routes() -> RouteTable {
    RouteTable::default()
        .get("/customers", protected_pages::customers)
        .get("/customers/{email}", protected_pages::customer)
        .delete("/customers/{email}", erasure::erase)
        .get("/customers/{email}/timeline", timeline::timeline)
        .get("/customers/{email}/data", data::data)
        .get("/customers/{email}/tags", tags::list)
        .post("/customers/{email}/tags", tags::add)
        .delete("/customers/{email}/tags", tags::remove)
}

/// The person that a path names, in a project of which the caller is the owner.
struct Person {
    /// The project's number in the store.
    project: i64,
    /// The normalised e-mail.
    email: String,
}

/// A path with an invalid percent-encoding is reported like any other invalid address, and only after authentication.
impl FromRequestParts<SharedState> for Person {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &SharedState) -> Result<Self, Error> {
        let project = authorize(state, &parts.uri, &parts.headers)?.id;
        let path: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        let invalid = Error::BadField { field: "email", wanted: "an e-mail address", found: "another string" };
        let email = path.ok().and_then(|Path(email)| email_of(&email)).ok_or(invalid)?;
        Ok(Self { project, email })
    }
}
