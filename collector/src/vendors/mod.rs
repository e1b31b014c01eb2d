//! What others' programs send, translated into the protocol's events and the store's records; pure.
//!
//! A shop that leaves a vendor points its pages, its back end or its app at this collector and changes nothing else. The names of vendors
//! stand in this folder and in no other part of the collector; the rest asks for [`calls`], [`records`] and [`headless`].

mod envelope;
mod forwarding;
pub mod metrilo;
pub mod ometria;

pub use envelope::Envelope;
pub use forwarding::Forwarding;
pub use metrilo::{calls, records};
pub use ometria as headless;

/// Whose words a page, or another sender, may speak.
pub const APIS: &[&str] = &["metrilo", "metrilo-v1", "ometria", HEADLESS, OWN];

/// The api of what a shop's own server says of its visitors.
pub const HEADLESS: &str = "headless";

/// The api of what nobody called for.
const OWN: &str = "tillroll";
