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
