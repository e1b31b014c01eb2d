//! The values that an event's `api` field may have: which API the page or the sender called.

/// Calls that a shop's server reports through the headless API.
pub const HEADLESS: &str = "headless";

/// Events that the library itself makes, without a call.
pub const TILLROLL: &str = "tillroll";

/// Every known `api` value; the collector rejects an event with another one.
pub const APIS: &[&str] = &["metrilo", "metrilo-v1", "ometria", HEADLESS, TILLROLL];

/// Returns the known `api` value that equals `name`; None if no API has this name.
pub fn find(name: &str) -> Option<&'static str> {
    APIS.iter().copied().find(|api| *api == name)
}
