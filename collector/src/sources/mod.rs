//! Where a visit comes from, on which device and in which country it happens.
//!
//! Pure functions, but for [`Countries`], which reads its file at the start: [`Source`] of the address of the landing page and the address
//! before it, [`Device`] of a user agent, [`Country`] of a client's address. docs/attribution.md has the rules. Neither the user agent nor the
//! address of a person is stored.

mod client;
mod country;
mod device;
mod hosts;
mod known_hosts;
mod source;

pub use client::Client;
pub use country::{Countries, Country};
pub use device::{Device, UnknownName};
pub use source::{AddressParams, Addresses, DIRECT, Source};
