//! Requests of vendors' programs, translated into the protocol's events and the store's records. Pure.
//!
//! A shop that leaves a vendor points its pages, its server or its app at this collector and changes nothing else. Vendor names appear in
//! this folder and in no other part of the collector; the rest uses [`calls`], [`records`] and [`headless`].

mod envelope;
mod forwarding;
pub mod metrilo;
pub mod ometria;

pub use envelope::Envelope;
pub use forwarding::Forwarding;
pub(crate) use forwarding::{FORWARD_FLAG, FORWARD_SETTING};
pub use metrilo::{calls, records};
pub use ometria::headless;
