//! A router that lists what it serves, so that the description of the interface contains every route.
//!
//! Routes are added here and nowhere else.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{self, MethodRouter};

use crate::app_state::SharedState;

/// A method and a path that are served.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Served {
    /// The method, such as `GET`. What has GET has HEAD too.
    pub(super) method: &'static str,
    /// The path, with parameters as `{name}`.
    pub(super) path: String,
}

impl Served {
    pub(super) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into() }
    }
}

/// Routes and their list.
#[derive(Default)]
pub(super) struct RouteTable {
    router: Router<SharedState>,
    served: Vec<Served>,
}

impl RouteTable {
    /// Adds a handler of GET requests.
    pub(super) fn get<H: Handler<T, SharedState>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.add("GET", path, routing::get(handler))
    }

    /// Adds a handler of POST requests.
    pub(super) fn post<H: Handler<T, SharedState>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.add("POST", path, routing::post(handler))
    }

    /// Adds a handler of DELETE requests.
    pub(super) fn delete<H: Handler<T, SharedState>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.add("DELETE", path, routing::delete(handler))
    }

    /// Adds a handler of every method and path below `path` that decides itself what it serves, which is `served`.
    pub(super) fn below<H: Handler<T, SharedState>, T: 'static>(
        self,
        path: &str,
        handler: H,
        served: impl IntoIterator<Item = Served>,
    ) -> Self {
        let mut all = self.served;
        all.extend(served);
        Self { router: self.router.route(path, routing::any(handler)), served: all }
    }

    fn add(mut self, method: &'static str, path: &str, handlers: MethodRouter<SharedState>) -> Self {
        // A parameter of several segments is listed like one of a single segment.
        self.served.push(Served::new(method, path.replace("{*", "{")));
        Self { router: self.router.route(path, handlers), served: self.served }
    }

    /// Adds all routes of another table.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.served.extend(other.served);
        Self { router: self.router.merge(other.router), served: self.served }
    }

    /// Changes how the routes are served: layers and fallbacks.
    pub(super) fn with(self, change: impl FnOnce(Router<SharedState>) -> Router<SharedState>) -> Self {
        Self { router: change(self.router), served: self.served }
    }

    /// Returns what is served.
    pub(super) fn served(&self) -> &[Served] {
        &self.served
    }

    /// Returns the router.
    pub(super) fn into_router(self) -> Router<SharedState> {
        self.router
    }
}
